"""Who may ask: anyone who has the token, or whom the sidecar names as one of the known peers."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PEER_HEADER: Final = "x-forwarded-client-cert"
BEARER: Final = "Bearer "
# What Istio's sidecar appends, from its end: what a client wrote itself stands before it, perhaps with an open quote.
PEER: Final = re.compile(r'(?:^|,)By=[^,;"]+;Hash=[0-9a-f]{64};Subject="[^"]*";URI=([^,;"]+)$')


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        token_file: a file with a token, read at each question since it may be renewed; None for no token.
        peers: SPIFFE identities of clients that need none, as Istio gives them to service accounts.
    """

    token_file: Path | None
    peers: frozenset[str]

    def refusal(self, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Return the status and the reason with which a question is refused, None where it is allowed.

        Args:
            headers: those of the question, by names in lower case.
        """
        given = headers.get("authorization", "")
        peer = peer_of(headers.get(PEER_HEADER, ""))
        if self.token_file is not None and given.startswith(BEARER):
            try:
                token = self.token_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                return 403, f"the gate cannot read its token {self.token_file}: {error.strerror}"
            if token and hmac.compare_digest(given.removeprefix(BEARER).strip().encode(), token.encode()):
                return None
            return 403, "the token is not the gate's"
        if peer and peer in self.peers:
            return None
        if peer and self.peers:
            return 403, f"{peer} is none of the peers that may ask"
        known = [*(["a token"] if self.token_file else []), *(["the identity of a known peer"] if self.peers else [])]
        return 401, f"the gate answers who has {' or '.join(known)}, and the question has none"


def peer_of(header: str) -> str:
    """Return the identity of the direct peer, "" where the header does not end as Istio's sidecar ends it."""
    found = PEER.search(header)
    return found.group(1) if found else ""
