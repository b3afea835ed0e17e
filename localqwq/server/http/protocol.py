"""HTTP as the server speaks it: uvicorn's, with its own errors in OpenAI's form as well."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.replies import encode, error_body


class Protocol(H11Protocol):
    """Answers what is no HTTP, such as a broken chunk, as every other wrong request."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what was received with ``msg``, and close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = encode(error_body(InvalidRequestError(msg)))
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
