"""What runs in a container beside the worker; its text is sent, nothing is installed there."""
