"""What `pip install core-plus-kernel` brings."""

from pathlib import Path

TOP = Path(__file__).parents[2]
MEGABYTE = 1024 * 1024


def test_the_kernel_brings_at_most_eight_distributions_and_five_megabytes(uv, tmp_path):
    uv("pip", "install", "--target", tmp_path, "--constraints", TOP / "constraints.txt", TOP / "core")
    brought = sorted(path.name for path in tmp_path.glob("*.dist-info"))
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert any(name.startswith("core_plus_kernel-") for name in brought)
    assert len(brought) <= 8, brought
    assert size <= 5 * MEGABYTE, f"{size / MEGABYTE:.1f} MB in {brought}"
