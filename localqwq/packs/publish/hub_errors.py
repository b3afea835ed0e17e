"""Explanations of the hub client's errors for people who publish.

No sentence repeats the client's own words: they may contain request headers.
"""

from localqwq.errors import causes


def sentence(repository: str, error: Exception) -> str:
    """Return the message for an error that the client raised while uploading."""
    from huggingface_hub import errors

    for cause in causes(error):
        match cause:
            case errors.OfflineModeIsEnabled():
                return "HF_HUB_OFFLINE is set, so nothing can be sent: unset it first."
            case errors.HFValidationError():
                return (
                    f"The hub does not allow a repository named {repository}: choose another name."
                )
            case ValueError() if isinstance(cause.__cause__, errors.BadRequestError):
                return "The hub rejects the YAML block at the start of README.md: correct it."
            case errors.HfHubHTTPError() if cause.response is not None:
                return _of_status(repository, cause.response.status_code)
            case OSError() if cause.filename:
                return f"{cause.filename} can no longer be read: {cause.strerror}."
    return (
        f"The hub cannot be reached for {repository} ({type(error).__name__}): check the "
        "connection and run this again; files that have arrived are not sent again."
    )


def _of_status(repository: str, status: int) -> str:
    match status:
        case 401:
            return (
                "The hub does not accept the login on this computer: run `hf auth login` with a "
                "write token."
            )
        case 402 | 403:
            return (
                f"The hub does not let you write to {repository}: use a write token, and an owner "
                "that is you or your organization."
            )
        case 400 | 404 | 409 | 413 | 422:
            return f"The hub rejected the upload to {repository} (status {status})."
        case _:
            return (
                f"The hub answers {status} for {repository}: run this again later; files that "
                "have arrived are not sent again."
            )
