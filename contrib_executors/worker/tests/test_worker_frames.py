"""Messages on a byte stream: any cut, any size, and no more than allowed."""

import contextlib
import os
import socket
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_plus_worker.inside.frames import BLOB, BLOB_COST, CHUNK, LENGTH, FrameError, Inbox, pieces, write

SIZES = st.sampled_from([0, 1, 3, 4, 100, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
MESSAGES = st.lists(st.tuples(SIZES, st.lists(SIZES, max_size=3)), max_size=4)


def take(inbox: Inbox) -> list[tuple[bytes, list[bytes]]]:
    found = []
    while inbox.messages:
        head, blobs = inbox.messages.popleft()
        found.append((head, [blob if type(blob) is bytes else blob.getvalue() for blob in blobs]))
    return found


@settings(deadline=None)
@given(MESSAGES, st.lists(st.integers(1, 2 * CHUNK), min_size=1))
def test_messages_arrive_whole_however_the_stream_is_cut(sizes, cuts):
    sent = [(os.urandom(head), [os.urandom(size) for size in blobs]) for head, blobs in sizes]
    data = b"".join(bytes(piece) for head, blobs in sent for piece in pieces(head, blobs))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        inbox, found, place = Inbox(ours.fileno(), 1 << 30), [], 0
        while place < len(data):
            size = cuts[place % len(cuts)] % 50_000 + 1
            theirs.sendall(data[place : place + size])
            left = len(data[place : place + size])
            place += left
            while left > 0:
                before = theirs_pending(ours)
                assert inbox.read()
                left -= before - theirs_pending(ours)
            found += take(inbox)
    assert found == sent
    assert not inbox.broken_off


def theirs_pending(sock: socket.socket) -> int:
    """Bytes that wait to be read."""
    import array
    import fcntl
    import termios

    count = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.FIONREAD, count)
    return count[0]


def test_a_blocking_writer_writes_everything():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        big = os.urandom(1 << 21)
        thread = threading.Thread(target=write, args=(theirs.fileno(), b"head" * 50_000, [big, b"", big]))
        thread.start()
        inbox = Inbox(ours.fileno(), 1 << 30)
        while not inbox.messages:
            assert inbox.read()
        thread.join()
        assert take(inbox) == [(b"head" * 50_000, [big, b"", big])]


def test_the_end_of_the_stream_is_told_and_whether_it_came_too_soon():
    for data, broken in (
        (b"", False),
        (b"\x05", True),
        (LENGTH.pack(5) + b"ab", True),
        (LENGTH.pack(BLOB) + b"", True),
    ):
        ours, theirs = socket.socketpair()
        with ours:
            theirs.sendall(data)
            theirs.close()
            inbox = Inbox(ours.fileno(), 100)
            while inbox.read():
                pass
            assert inbox.broken_off is broken


@pytest.mark.parametrize(
    "data",
    [
        LENGTH.pack(101),
        LENGTH.pack(BLOB - 1),
        LENGTH.pack(60 | BLOB) + b"x" * 60,
        LENGTH.pack(BLOB) * (100 // BLOB_COST + 1),
        LENGTH.pack(20 | BLOB) + b"x" * 20 + LENGTH.pack(81),
        b"GET / HTTP/1.1\r\n",
    ],
)
def test_more_than_allowed_is_refused_before_it_is_read(data):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        with pytest.raises(FrameError, match="at most 100"):
            Inbox(ours.fileno(), 100).read()


def test_the_limit_is_of_each_message_and_not_of_all():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        inbox = Inbox(ours.fileno(), 100)
        for _ in range(10):
            theirs.sendall(LENGTH.pack(90) + b"x" * 90)
            assert inbox.read()
        assert len(take(inbox)) == 10


def test_what_still_waits_to_be_sent_can_be_made_ones_own(scripted):
    from core_plus_worker.link import Link, Waker

    process, waker = scripted(), Waker()
    link = Link(process, waker, 1000)
    data = bytearray(b"x" * (4 << 20))
    link.send(b'["head"]', [memoryview(data)])
    link.own()
    data[:] = b"y" * len(data)
    inbox, found = Inbox(process._theirs.fileno(), 1 << 30), []
    while not found:
        link.wait(0.01)
        with contextlib.suppress(BlockingIOError):
            inbox.read()
        found = take(inbox)
    assert found == [(b'["head"]', [b"x" * (4 << 20)])]
    process.close()
    waker.close()
