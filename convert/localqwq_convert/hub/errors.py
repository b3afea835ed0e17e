"""Explanations of the hub client's errors."""

import errno
import os

from localqwq.errors import causes, no_locks

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)
"""Errors of the disk; others are the network's."""


def sentence(repository: str, revision: str, error: Exception) -> str:
    """Return the message for an error that the client raised for a repository."""
    from huggingface_hub import errors

    for cause in causes(error):
        match cause:
            case errors.GatedRepoError():
                return (
                    f"{repository} is gated: accept its terms on its page of the hub, then log in "
                    "with `hf auth login`."
                )
            case errors.RevisionNotFoundError():
                return f"{repository} has no revision {revision} on the hub."
            case errors.RepositoryNotFoundError():
                return (
                    f"There is no folder {repository} here and no such model on the hub; if it is "
                    "private, log in with `hf auth login`."
                )
            case errors.HFValidationError():
                return f"{repository} is neither a folder here nor a valid hub id."
            case errors.OfflineModeIsEnabled():
                return (
                    f"{repository}@{revision} is incomplete in the hub's cache, and "
                    "HF_HUB_OFFLINE is set: unset it, or name a checkpoint's folder."
                )
            case errors.HfHubHTTPError() if cause.response is not None:
                status = cause.response.status_code
                return f"The hub answers {status} for {repository}: try again later."
            case OSError() if cause.errno in _DISK:
                place = cause.filename or "the hub's cache"
                return f"Cannot write to {place}: {os.strerror(cause.errno)}."
            case OSError(errno=errno.ENOLCK):
                way_out = "set HF_HOME to a folder on a local disk"
                return str(no_locks(cause.filename or "The hub's cache", way_out))
    return (
        f"There is no folder {repository} here, and the hub cannot be reached for it "
        f"({type(error).__name__}): check the path, or check the connection and run this again "
        "(finished files are kept)."
    )
