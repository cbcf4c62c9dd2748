"""What was posted to a webhook, in words: as a text, a form, JSON, or as Slack and GitHub have it."""

import html
import re
from typing import Any

from greenchat import HttpRequest, Reject, amount, printable

# Slack's links and mentions: <https://example.com|words>, <!here>.
_ANGLES = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")

# What a form has, if it is one.
_FIELDS = {"text", "name", "username", "payload"}

# What a GitHub event is about; of several, the first that is there.
_ABOUT = ("comment", "review", "pull_request", "issue", "discussion", "release", "workflow_run", "check_run", "forkee")

# Commits of one push that are told by their first lines.
_COMMITS = 3

# Characters of a title: what fits into a line.
_TITLE = 120


def words_of(request: HttpRequest, hook: str) -> tuple[str, str]:
    """The name of who says something, that of the `hook` where none is told, and what. Raises `Reject`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = request.form() if kind == "application/x-www-form-urlencoded" else {}
    if not form.keys() & _FIELDS:
        form = {}  # curl -d calls all that it sends a form
    if kind != "application/json" and not kind.endswith("+json") and "payload" not in form:
        found: dict[str, Any] = form or {"text": request.text}
    else:
        found = request.json(dict[str, Any])
    if "x-github-event" in request.headers:
        name, text = "github", _github(request.headers["x-github-event"], found)
    else:
        name, text = _text(found, "name") or _text(found, "username"), _slack(found)
    lines = [printable(line, len(line) + 1).rstrip() for line in text.splitlines()]
    if not any(lines):
        raise Reject(
            'There is no text in it. Send {"text": "words"}, a form with text=words, or the words.', code="empty"
        )
    return printable(name or hook), "\n".join(lines).strip()


def _text(found: Any, *path: str) -> str:
    """What stands there, where it is a text or a number; else nothing."""
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return str(found) if isinstance(found, str | int) else ""


def _slack(found: dict[str, Any]) -> str:
    texts = [_text(found, "text")]
    attachments = found.get("attachments")
    for one in attachments if isinstance(attachments, list) else ():
        texts += [_text(one, "text") or _text(one, "fallback") or _text(one, "title")]
    if "attachments" not in found and "username" not in found:
        return texts[0]  # it need not be Slack's form at all
    return "\n".join(filter(None, (html.unescape(_ANGLES.sub(_plain, text)) for text in texts)))


def _plain(match: re.Match[str]) -> str:
    target, words = match[1].lstrip("!@#"), match[2]
    return f"{words} ({target})" if words and "://" in target else words or target


def _github(event: str, found: dict[str, Any]) -> str:
    repository, who = _text(found, "repository", "full_name"), _text(found, "sender", "login") or "somebody"
    if event == "push":
        return _push(repository, who, found)
    about = next((name for name in _ABOUT if isinstance(found.get(name), dict)), "")
    place = next((name for name in ("pull_request", "issue", "discussion") if isinstance(found.get(name), dict)), about)
    number = _text(found, place, "number")
    title = _text(found, place, "title") or _text(found, place, "name") or _text(found, place, "full_name")
    state = _text(found, about, "conclusion")
    words = [f"[{repository}]", who, event.replace("_", " "), _text(found, "action").replace("_", " "), state]
    words += [f"#{number}" if number else "", printable(title, _TITLE), _text(found, about, "html_url")]
    return " ".join(filter(None, words))


def _push(repository: str, who: str, found: dict[str, Any]) -> str:
    commits = found["commits"] if isinstance(found.get("commits"), list) else []
    branch = _text(found, "ref").removeprefix("refs/heads/").removeprefix("refs/tags/")
    what = "removed" if found.get("deleted") is True else f"pushed {amount(len(commits), 'commit')} to"
    lines = [f"[{repository}] {who} {what} {branch} {_text(found, 'compare')}".rstrip()]
    for commit in commits[:_COMMITS]:
        title = _text(commit, "message").partition("\n")[0]
        lines.append(f"{_text(commit, 'id')[:7]} {printable(title, _TITLE)}")
    return "\n".join(lines)
