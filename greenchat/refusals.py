"""What the system refuses, in words that say what to do."""

import errno

TOO_MANY_FILES = (
    "Too many open files. Raise the limit (ulimit -n, or LimitNOFILE= of systemd), or lower limits.connections."
)

_SENTENCES = {
    errno.ENOSPC: "The disk is full. Make room.",
    errno.EDQUOT: "The quota of this user is used up. Make room, or raise it.",
    errno.EFBIG: "The file may not become any larger. Raise the limit (ulimit -f).",
    errno.EROFS: "Read-only file system. Mount it for writing.",
    errno.EMFILE: TOO_MANY_FILES,
    errno.ENFILE: "Too many open files on this machine. End what has so many open, or raise fs.file-max.",
    errno.EACCES: "Permission denied. Check the directory and its permissions, and which user this is.",
    errno.EPERM: "Operation not permitted. Check the owner of the file, and which user this is.",
    errno.EIO: "The disk reports an error. Look at what the system's log says.",
    errno.ENOMEM: "The machine has no memory left.",
    errno.ENOBUFS: "The machine has no memory left for connections.",
    errno.ENAMETOOLONG: "The name is too long. Choose a shorter one.",
    errno.ENOENT: "No such file or directory. Check the directory and its permissions.",
    errno.ENOTDIR: "A part of the path is no directory. Check it.",
}


def explain(error: OSError) -> str:
    """What is wrong, and what to do about it, as sentences."""
    found = _SENTENCES.get(error.errno or 0)
    return found or f"{(error.strerror or str(error)).rstrip('.')}."
