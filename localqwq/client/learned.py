"""What answers revealed about endpoints, kept between runs."""

from localqwq.hardware.cache_file import CacheFile


class LearnedThoughts:
    """Whether the answers of one endpoint's models begin inside the thought."""

    def __init__(self, where: str) -> None:
        """Set up; ``where``: the endpoint's address, without any password."""
        self._where = where
        self._kept = CacheFile("endpoints")
        self._known: dict[str, bool] = {}

    def opens(self, model: str | None) -> bool | None:
        """Return what is known about a model there; None if nothing."""
        key = self._key(model)
        if key not in self._known:
            found = self._kept.read().get(key)
            if not isinstance(found, bool):
                return None
            self._known[key] = found
        return self._known[key]

    def learn(self, model: str | None, opens: bool) -> None:
        """Record what an answer of the model revealed."""
        if self.opens(model) is not opens:
            self._known[self._key(model)] = opens
            self._kept.write(self._key(model), opens)

    def _key(self, model: str | None) -> str:
        return f"{self._where} {model or ''}"
