"""What the errors of the hub's client mean for a person who publishes a pack.

No sentence repeats the client's own words: they may hold a request's headers.
"""

from localqwq.errors import causes


def sentence(repository: str, error: Exception) -> str:
    """What to tell a person about an error that the client raised while sending."""
    from huggingface_hub import errors

    for cause in causes(error):
        match cause:
            case errors.OfflineModeIsEnabled():
                return "HF_HUB_OFFLINE is set, so nothing can be sent: unset it first."
            case errors.HFValidationError():
                return f"The hub allows no repository of the name {repository}: choose another."
            case ValueError() if "README.md" in str(cause):
                return "The hub does not take the block of YAML at the start of README.md."
            case errors.HfHubHTTPError() if cause.response is not None:
                return _of_status(repository, cause.response.status_code)
            case OSError() if cause.filename:
                return f"{cause.filename} cannot be read any more: {cause.strerror}."
    return (
        f"The hub cannot be reached for {repository} ({type(error).__name__}): check the "
        "connection and run this again; files that have arrived are not sent again."
    )


def _of_status(repository: str, status: int) -> str:
    match status:
        case 401:
            return (
                "The hub does not know the login of this computer: run `hf auth login` with a "
                "token that may write."
            )
        case 402 | 403:
            return (
                f"The hub does not let you write to {repository}: use a token that may write, and "
                "an owner that is you or your organization."
            )
        case 400 | 404 | 409 | 413 | 422:
            return f"The hub refuses what was sent to {repository} with status {status}."
        case _:
            return (
                f"The hub answers {status} for {repository}: run this again later; files that "
                "have arrived are not sent again."
            )
