"""A session's reports as sentences and lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from localqwq.conversations.rounds import Round
from localqwq.conversations.turns import Conversation, Measures, Turn
from localqwq.tui.plain.speaking import Speaker
from localqwq.tui.plain.wrapping import Wrapping
from localqwq.tui.session import messages
from localqwq.tui.text.calls import arguments_in_brief, outcome, whole_thought
from localqwq.verdicts.vote import vote_progress
from localqwq.visible import visible

THINKING_SECONDS = 30.0
"""Seconds between two sentences about a continuing thought."""
PROGRESS_SECONDS = 10.0
"""Seconds between two sentences about progress."""


class Announcer:
    """Prints the reports of ``localqwq.tui.session.messages``."""

    def __init__(
        self, speaker: Speaker, width: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Set up; ``width``: cells of a line."""
        self._speaker = speaker
        self._width = width
        self._clock = clock
        self.reads_thoughts = False
        """Whether thoughts are printed, rather than only mentioned."""
        self.is_ready = False
        """Whether there was a model that answers."""
        self._part: Wrapping | None = None
        self._thinks = False
        self._told = 0.0
        self._lost = ""
        self._rounds = 0
        self._over: set[tuple[int, str]] = set()
        """The calls whose results were announced, by the numbers of their rounds."""

    def take(self, report: messages.Report) -> None:
        """Print what a report says."""
        say = self._speaker.say
        match report:
            case messages.ModelLoading(model, quant):
                name = f"{model} {quant}".strip()
                say(f"Loading {name}." if name else "Choosing the model.")
                self._told = self._clock()
            case messages.ModelProgress(part):
                if self._is_time(PROGRESS_SECONDS):
                    say(f"{part:.0%} are loaded.")
            case messages.ModelReady(model, quant, context):
                self.is_ready = True
                room = f" Its context has {context:,} tokens." if context else ""
                say(f"{model} {quant}".strip() + f" is ready.{room}")
            case messages.ModelLacks(sentence):
                say(sentence)
            case messages.ModelLost(sentence):
                self._lost = sentence
                say(sentence)
            case messages.PromptStored():
                self._part, self._thinks, self._told = None, False, self._clock()
                self._rounds, self._over = 0, set()
            case messages.PromptRead(done, total, left):
                if done < total and self._is_time(PROGRESS_SECONDS):
                    rest = f", {spoken(left)} left" if left else ""
                    say(f"Reading the prompt: {done:,} of {total:,} tokens{rest}.")
            case messages.VoteCounted(done, of, agreeing):
                if self._is_time(PROGRESS_SECONDS):
                    say(f"{vote_progress(done, of, agreeing)}.")
            case messages.PromptReturned(_, sentence):
                if sentence != self._lost:  # that was said already
                    say(sentence or "Stopped before the answer began.")
            case messages.BudgetChanged(budget, wanted):
                if wanted:
                    say("Asking for the answer.")
                elif self._thinks:
                    say(f"The thought may take {budget:,} tokens." if budget else "No limit now.")
            case messages.ContextChanged(context, factor):
                scaling = f", with rope scaling by {factor:g}" if factor > 1 else ""
                say(f"The context has {context:,} tokens now{scaling}.")
            case messages.ThoughtGrew(text, measures):
                self._think(text, measures)
            case messages.AnswerGrew(text, measures):
                self._answer(text, measures)
            case messages.TurnRetold(_, text, measures):
                self._retell(text, measures)
            case messages.RoundsChanged(rounds, measures):
                self._call(rounds, measures)
            case messages.AskedElsewhere(conversation, title):
                say(f"“{title}” waits for your permission. /open {conversation} opens it.")
            case messages.AnswerEnded(turn):
                self._end(turn)
            case messages.EndedElsewhere(conversation, title, sentence):
                end = f"got an incomplete answer. {sentence}" if sentence else "has been answered."
                say(f"“{title}” {end} /open {conversation} opens it.")
            case messages.Removed(sentence):
                say(f"{sentence} /undo restores it.")
            case messages.Unstored(sentence):
                say(sentence or "Everything is stored again.")
            case messages.Failed(sentence):
                say(sentence)

    def read(self, turn: Turn, *, thought: bool = False) -> None:
        """Print a turn; an answer's thought only on request."""
        if turn.role == "user":
            files = ", ".join(attachment.name for attachment in turn.attachments)
            self._read(f"Prompt, with {files}:" if files else "Prompt:", turn.text)
            return
        thoughts = whole_thought(turn.rounds, turn.thought)
        if thoughts and (thought or self.reads_thoughts):
            self._read("Thought:", thoughts)
        elif thoughts:
            self._speaker.say(thought_over(turn.measures))
        self._read("Answer:", turn.text)
        if sentence := ending(turn):
            self._speaker.say(sentence)

    # Internals

    def _think(self, text: str, measures: Measures) -> None:
        if not self._thinks:
            self._thinks, self._told = True, self._clock()
            self._speaker.say("Thinking.")
            self._part = Wrapping(self._width)
        if self.reads_thoughts:
            self._grow(text)
        elif self._is_time(THINKING_SECONDS):
            self._speaker.say(f"Still thinking: {measures.thought_tokens:,} tokens.")

    def _answer(self, text: str, measures: Measures) -> None:
        if self._thinks:
            self._thinks = False
            self._flush()
            self._speaker.say(thought_over(measures))
        if self._part is None:
            self._part = Wrapping(self._width)
            self._speaker.say("Answer:")
        self._grow(text)

    def _call(self, rounds: Sequence[Round], measures: Measures) -> None:
        """Announce new calls, and those that have ended."""
        if len(rounds) > self._rounds:
            self._rounds = len(rounds)
            if self._thinks:
                self._thinks = False
                self._flush()
                self._speaker.say(thought_over(measures))
            self._flush()
            for call in rounds[-1].calls:
                said = visible(f"{call.name}: {arguments_in_brief(call)}")
                self._speaker.say(f"The model calls {said}")
        for call in rounds[-1].calls:
            if call.is_over and (len(rounds), call.id) not in self._over:
                self._over.add((len(rounds), call.id))
                self._speaker.say(visible(f"Result of {call.name}: {outcome(call)}"))

    def _retell(self, text: str, measures: Measures) -> None:
        """Announce that the text so far was the thought rather than the answer, or vice versa."""
        read = not self._thinks or self.reads_thoughts
        self._thinks = False
        self._flush()
        if not text:
            self._speaker.say("The text so far was the thought; the answer follows.")
        elif read:
            self._speaker.say("The text so far was the answer, not a thought.")
        else:
            self._answer(text, measures)

    def _end(self, turn: Turn) -> None:
        if self._thinks:
            self._thinks = False
            self._flush()
            self._speaker.say(thought_over(turn.measures))
        self._flush()
        self._speaker.say(ending(turn) or finished(turn.measures))

    def _grow(self, text: str) -> None:
        if self._part is not None and (lines := self._part.feed(text)):
            self._speaker.say(*lines)

    def _flush(self) -> None:
        part, self._part = self._part, None
        if part is not None and (lines := part.end()):
            self._speaker.say(*lines)

    def _read(self, title: str, text: str) -> None:
        wrapping = Wrapping(self._width)
        self._speaker.say(title, *wrapping.feed(text), *wrapping.end())

    def _is_time(self, seconds: float) -> bool:
        """Return whether nothing has been printed about current work for that long."""
        now = self._clock()
        if now - self._told < seconds:
            return False
        self._told = now
        return True


def titled(conversation: Conversation | None) -> str:
    """Return a sentence about the open conversation."""
    if conversation is None:
        return "A new conversation."
    turns = len(conversation.path())
    word = "turn" if turns == 1 else "turns"
    return f"Conversation {conversation.id}: “{conversation.title}”, {turns} {word}."


def thought_over(measures: Measures) -> str:
    """Return a sentence about a finished thought."""
    return f"Thought for {spoken(measures.thought_seconds)}, {measures.thought_tokens:,} tokens."


def finished(measures: Measures) -> str:
    """Return a sentence about a finished answer."""
    tokens = max(0, measures.tokens - measures.thought_tokens)
    rate = f", {measures.rate:.1f} a second" if measures.rate else ""
    return f"End of the answer: {tokens:,} tokens{rate}."


def ending(turn: Turn) -> str:
    """Return a remark on how an answer ended; empty for an ordinary end."""
    if turn.status == "stopped":
        where = "answer" if turn.text else "thought"
        return f"Stopped in the {where}. /continue resumes it."
    return turn.note


def spoken(seconds: float) -> str:
    """Return a duration as spoken: ``3 seconds``, ``2 minutes 5 seconds``."""
    whole = round(seconds)
    if whole < 1:
        return "less than a second"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "hour"), (minutes, "minute"), (rest if not hours else 0, "second"))
    return " ".join(f"{number} {word}{'s' * (number > 1)}" for number, word in parts if number)
