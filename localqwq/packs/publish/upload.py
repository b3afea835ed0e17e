"""Uploading packs to a Hugging Face repository with the hub's own client.

Showing what would be sent opens no connection; sending is a separate function. The client provides
the endpoint, the login and the upload of large files; files that have arrived are not sent again,
so an interrupted run continues with the file it was at.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import ValidationError

from localqwq.errors import LocalqwqError
from localqwq.packs.manifest import (
    MANIFEST_NAME,
    SUMS_NAME,
    Manifest,
    PackFile,
    manifest_text,
    read_manifest,
    sums_text,
)
from localqwq.packs.picture import svg
from localqwq.packs.publish.card import CARD_NAME, MARK, NO_DETAILS, model_card
from localqwq.packs.publish.card_figures import PICTURE_NAME, points
from localqwq.packs.publish.details import Advise, CardDetails, ShowPrompt, details_of, no_advice
from localqwq.packs.publish.hub_errors import sentence
from localqwq.packs.store.staging import Progress, sha256

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

Say = Callable[[str], None]
"""Called with one line about the current step."""

_REPOSITORY = re.compile(r"[A-Za-z0-9_-][\w.-]{0,94}/[A-Za-z0-9_-][\w.-]{0,94}", re.ASCII)
_TIMEOUT_S = 30.0
"""Seconds that the hub may be silent when asked for its files."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A pack, and the repository to upload it to."""

    directory: Path
    manifest: Manifest
    """The manifest of the files to send; the repository's other files are added when sending."""
    repository: str
    """Owner and name: ``someone/qwq-32b-GGUF``."""
    card: str | None = None
    """A card that somebody wrote for this pack; ``None`` to make one from the manifest."""
    details: CardDetails = NO_DETAILS
    """Facts from the files that are not in the manifest."""
    keeps_card: bool = False
    """Whether the repository has a card written by hand, which is kept."""

    def texts(self) -> dict[str, str]:
        """Return the small files by name: the card, the manifest, the checksums."""
        texts = {
            MANIFEST_NAME: manifest_text(self.manifest),
            SUMS_NAME: sums_text(self.manifest),
        }
        if self.keeps_card:
            return texts
        if self.card is not None:
            return {CARD_NAME: self.card, **texts}
        if shown := points(self.manifest):
            texts[PICTURE_NAME] = svg(shown, self.manifest.name)
        return {CARD_NAME: self._made_card(), **texts}

    def _made_card(self) -> str:
        return model_card(self.manifest, self.repository, self.details)


def prepare(
    directory: Path,
    manifest: Manifest,
    repository: str,
    show_prompt: ShowPrompt = lambda _: None,
    advise: Advise = no_advice,
) -> Publication:
    """What would be sent; the files are looked at and not hashed, and no connection is opened.

    Raises:
        LocalqwqError: the repository name is invalid, or a file is missing or different.
    """
    if not _REPOSITORY.fullmatch(repository) or ".." in repository or "--" in repository:
        raise LocalqwqError(
            f"{ascii(repository)[:80]} is not a repository: write --to OWNER/NAME, such as "
            f"your-name/{manifest.name}-GGUF."
        )
    for file in manifest.files:
        path = directory / file.path
        if not path.is_file():
            raise LocalqwqError(f"{directory} is incomplete: {file.path} is missing.")
        if path.stat().st_size != file.bytes:
            raise _damaged(path)
    details = details_of(directory, manifest, show_prompt, advise)
    return Publication(directory, manifest, repository, _written_card(directory), details)


def check(publication: Publication, progress: Progress | None = None) -> None:
    """Check that every file matches the manifest, before others rely on it.

    Raises:
        LocalqwqError: one does not match.
    """
    for file in publication.manifest.files:
        path = publication.directory / file.path
        if sha256(path, progress) != file.sha256:
            raise _damaged(path)


def publish(publication: Publication, *, private: bool, say: Say) -> str:
    """Upload a checked pack and return the URL of the commit.

    The repository is created if needed. Its other quantizations of the same model are kept, and so
    is a card written by hand, unless the pack has one too.

    Raises:
        LocalqwqError: nobody is logged in, the hub refuses, or it cannot be reached.
    """
    from huggingface_hub import HfApi, get_token

    if not get_token():
        raise LocalqwqError(
            "Nobody is logged in to the hub on this computer: run `hf auth login` with a write "
            "token, or set HF_TOKEN."
        )
    try:
        return _publish(HfApi(), publication, private=private, say=say)
    except LocalqwqError:
        raise
    except Exception as error:  # the client raises its HTTP library's errors besides its own
        raise LocalqwqError(sentence(publication.repository, error)) from error


def _publish(api: "HfApi", publication: Publication, *, private: bool, say: Say) -> str:
    from huggingface_hub import CommitOperationAdd

    repository = publication.repository
    api.create_repo(repository, private=private or None, exist_ok=True)
    present = _present(api, repository)
    whole = _with_what_is_there(api, publication, present)
    additions = []
    files = publication.manifest.files
    for number, file in enumerate(files, start=1):
        about = f"{file.path} ({number} of {len(files)})"
        if present.get(file.path) == file.sha256:
            say(f"{about}: already there")
            continue
        addition = _addition(publication.directory / file.path, file)
        say(f"{about}: sending")
        api.preupload_lfs_files(repository, [addition], free_memory=False)
        additions.append(addition)
    additions += [
        CommitOperationAdd(path_in_repo=name, path_or_fileobj=text.encode())
        for name, text in whole.texts().items()
    ]
    quants = ", ".join(publication.manifest.quants)
    commit = api.create_commit(repository, additions, commit_message=f"Add {quants}")
    return str(commit.commit_url)


def _present(api: "HfApi", repository: str) -> dict[str, str | None]:
    """Return the repository's files, with the SHA-256 of the large ones."""
    info = api.model_info(repository, revision="main", files_metadata=True, timeout=_TIMEOUT_S)
    return {file.rfilename: file.lfs.sha256 if file.lfs else None for file in info.siblings or ()}


def _with_what_is_there(
    api: "HfApi", publication: Publication, present: dict[str, str | None]
) -> Publication:
    """Return the publication with the repository's other quantizations and its own card."""
    repository = publication.repository
    with TemporaryDirectory(prefix="localqwq-") as folder:
        for name in (MANIFEST_NAME, CARD_NAME):
            if name in present:
                api.hf_hub_download(repository, name, local_dir=folder)
        keeps_card = publication.card is None and _written_card(Path(folder)) is not None
        whole = replace(publication, keeps_card=keeps_card)
        if MANIFEST_NAME not in present:
            return whole
        try:
            known = read_manifest(Path(folder))
        except LocalqwqError as error:
            raise LocalqwqError(
                f"{repository} has a {MANIFEST_NAME} that is not a manifest: choose another "
                "repository, or delete that file there."
            ) from error
    return replace(whole, manifest=_joined(repository, known, publication.manifest, present))


def _written_card(directory: Path) -> str | None:
    """Return the card in a folder, unless there is none or it was generated."""
    path = directory / CARD_NAME
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    return None if MARK in text else text


def _joined(
    repository: str, known: Manifest, new: Manifest, present: dict[str, str | None]
) -> Manifest:
    """Return the manifest joined with the repository's other quantizations that still exist."""
    if (known.name, known.architecture, known.parameters) != (
        new.name,
        new.architecture,
        new.parameters,
    ):
        raise LocalqwqError(
            f"{repository} holds a different model, {known.name}: choose another repository."
        )
    kept = [
        file
        for quant in known.quants
        if quant not in new.quants
        for file in known.parts(quant)
        if all(part.path in present for part in known.parts(quant))
    ]
    try:
        return new.with_files(kept, known.figures)
    except ValidationError as error:
        raise LocalqwqError(
            f"A file of this pack has the same name as another file in {repository}: rename it."
        ) from error


def _addition(path: Path, file: PackFile) -> "CommitOperationAdd":
    from huggingface_hub import CommitOperationAdd

    addition = CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=path)
    # It was hashed a moment ago, so the client need not read all of it again.
    addition.upload_info.sha256 = bytes.fromhex(file.sha256)
    return addition


def _damaged(path: Path) -> LocalqwqError:
    return LocalqwqError(
        f"{path} is not the file that {MANIFEST_NAME} describes: convert or download it again."
    )
