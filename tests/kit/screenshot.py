"""Makes the README's picture of the web client, with Chromium: `PYTHONPATH=tests python tests/kit/screenshot.py`."""

from greenchat.testing import serving
from kit import ROOT
from kit.browsers import Window, chromium, expect
from kit.programs import Program

PICTURE = ROOT / "plugins" / "web" / "screenshot.png"
SIZE = (960, 600)  # as wide as a README is shown


def main() -> None:
    with serving(settings={"server.default_room": "garden"}) as chat, chromium() as browser:
        bob, carol = Program(chat, "bob"), chat.join("carol")
        ada = Window(browser, f"http://{chat.host}:{chat.port}", size=SIZE).join("ada")
        for room in "builds", "lunch":
            ada.say(f"/join {room}")
            ada.is_in(room)
        ada.room("garden").click()
        for text in (
            "/topic Roses, releases and everything else",
            "Good morning! The four-line plugin from the guide runs on our server since yesterday.",
            "```python\n@hookimpl\ndef greenchat_check_message(message):\n    return message.text.upper()\n```",
        ):
            bob.request(type="say", room="garden", text=text)
        expect(ada.log.locator("pre")).to_be_visible()
        ada.say("So **that** is why everybody shouts", "I have switched it off again, see `greenchat plugins list`")
        carol.send("MSG|/me types on a phone, in the train", "MSG|ada: thanks! Docs are at https://docs.python.org/3/")
        for name, room, text in ("ci", "builds", "All green."), ("dan", "lunch", "ada: at one?"):
            chat.join(name, room).send(f"MSG|{text}")
            expect(ada.room(room)).to_contain_text("1")
        ada.page.screenshot(path=PICTURE)
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
