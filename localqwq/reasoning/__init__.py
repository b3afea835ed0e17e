"""Pure text and token logic: events, messages, chat template, parser."""
