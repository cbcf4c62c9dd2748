"""files, in the page: in a real browser."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from kit.browsers import expect, needs_browser
from kit.machine import eventually
from kit.page_checks import SIZES, Check
from kit.programs import Program, sync
from kit.uploads import picture, send

from greenchat.testing import serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>document.title = 'taken'</script></svg>"


@pytest.fixture
def chat():
    with serving(settings={"plugins.files.guests": True, "plugins.files.file_bytes": 2_000_000}) as server:
        yield server


@pytest.fixture
def ada(chat, visit):
    return visit(chat).join("ada")


@pytest.fixture
def bob(chat):
    with Program(chat, "bob") as bob:
        yield bob


def chosen(ada, *files):
    """Choose these files, and agree to send them."""
    with ada.page.expect_file_chooser() as chooser:
        ada.page.get_by_role("button", name="Send files").click()
    chooser.value.set_files([{"name": name, "mimeType": "", "buffer": body} for name, body in files])


def agree(ada, text=""):
    ask = ada.page.get_by_role("dialog")
    ask.get_by_label("What is said with it").fill(text)
    ask.get_by_role("button", name="Send", exact=True).click()


def paste(window):
    window.page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(10)], "pasted.bin"));
            const how = {clipboardData: data, bubbles: true};
            document.getElementById("text").dispatchEvent(new ClipboardEvent("paste", how));
        }"""
    )


def test_pictures_and_files_are_chosen_sent_and_seen(ada, bob, chat):
    with chat.join("dan") as dan:
        sync(dan)
        chosen(ada, ("cat.png", picture(size=(1200, 900))), ("notes.html", b"<script>alert(1)</script>"))
        agree(ada, "Look!")
        said = {message["files"][0]["name"]: message for message in (bob.read_until("message") for _ in range(2))}
        assert (said["cat.png"]["text"], said["cat.png"]["files"][0]["width"]) == ("Look!", 1200)
        assert said["notes.html"]["text"] == "notes.html"
        image = ada.page.get_by_role("img", name="cat.png")
        expect(image).to_be_visible()
        assert (image.get_attribute("width"), image.get_attribute("height")) == ("420", "315")
        eventually(lambda: image.evaluate("image => image.complete && image.naturalWidth") == 800)
        link = ada.page.get_by_role("link", name="notes.html")
        expect(link).to_contain_text("text/html")
        with ada.page.expect_download() as download:
            link.click()
        assert download.value.suggested_filename == "notes.html"
        expect(ada.page.locator("#uploads")).to_be_hidden()
        assert "[picture cat.png" in dan.read() + dan.read()


def test_pasted_and_dropped_files_go_to_the_room_in_sight(ada, bob):
    paste(ada)
    expect(ada.page.get_by_role("dialog")).to_contain_text("Send 1 file to lobby?")
    agree(ada)
    assert bob.read_until("message")["files"][0]["name"] == "pasted.bin"
    ada.page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(10)], "dropped.bin"));
            for (const type of ["dragover", "drop"])
                document.getElementById("log").dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true}));
        }"""
    )
    agree(ada)
    assert bob.read_until("message")["files"][0]["name"] == "dropped.bin"


def test_what_fails_says_why_and_can_be_tried_again_or_removed(ada, bob):
    page = ada.page
    chosen(ada, ("large.bin", bytes(2_000_001)))
    agree(ada)
    row = page.locator("#uploads li")
    expect(row).to_contain_text("A file has 2 MB at most.")
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    fails = []

    def cut(route):
        fails.append(route)
        route.abort() if len(fails) == 1 else route.continue_()

    page.route("**/upload/*", cut)
    chosen(ada, ("again.bin", b"again"))
    agree(ada)
    expect(page.get_by_role("link", name="again.bin")).to_be_visible()
    assert bob.read_until("message")["files"][0]["name"] == "again.bin"
    assert len(fails) == 2
    expect(row).to_have_count(0)
    assert all("net::ERR_FAILED" in error for error in ada.errors), ada.errors
    ada.errors.clear()


def test_what_is_cancelled_is_not_said(ada, bob):
    ada.page.route("**/upload/*", lambda route: None)  # which never ends
    chosen(ada, ("slow.bin", b"slow"))
    agree(ada)
    row = ada.page.locator("#uploads li")
    expect(row.get_by_role("progressbar", name="slow.bin")).to_be_visible()
    row.get_by_role("button", name="Cancel").click()
    expect(row).to_have_count(0)
    ada.say("never mind")
    assert bob.read_until("message")["text"] == "never mind"


def test_no_file_runs_in_the_page_or_by_itself(ada, bob, chat):
    send(chat, bob, "x.svg", SVG)
    link = ada.page.get_by_role("link", name="x.svg")
    expect(link).to_be_visible()
    assert not ada.page.locator("svg script").count()
    file = send(chat, bob, "cat.png", picture() + SVG)
    with ada.page.context.new_page() as page:
        page.goto(file["url"])
        assert page.title() != "taken"
        assert page.evaluate("origin") == "null"  # the sandbox


def test_a_deleted_file_is_nowhere(ada, bob, chat):
    send(chat, bob, "cat.png", picture())
    image = ada.page.get_by_role("img", name="cat.png")
    expect(image).to_be_visible()
    bob.request(type="delete", room="lobby", seq=1)
    expect(image).to_have_count(0)
    expect(ada.page.get_by_text("Message deleted")).to_be_visible()


def test_a_link_that_is_out_of_date_is_renewed(visit):
    with serving(settings={"plugins.files.guests": True, "plugins.files.link_hours": 0.0003}) as server:
        ada = visit(server).join("ada")
        with Program(server, "bob") as bob:
            send(server, bob, "notes.txt", b"hello")
            link = ada.page.get_by_role("link", name="notes.txt")
            old = link.get_attribute("href")
            until = int(parse_qs(urlsplit(old).query)["until"][0], 16)
            eventually(lambda: time.time() > until)
            link.click()
            expect(ada.page.get_by_role("link", name="notes.txt")).not_to_have_attribute("href", old)


def test_who_may_not_send_files_is_not_asked_to(visit):
    with serving() as server:
        ada = visit(server).join("ada")
        expect(ada.page.get_by_role("button", name="Send files")).to_have_count(0)
        why = "Who is logged in may send files: /login, or /register to make this name yours."
        ada.say("/upload x 5")
        ada.sees(why)
        paste(ada)
        expect(ada.log.get_by_text(why, exact=True)).to_have_count(2)
    with serving(settings={"server.disabled_plugins": ["files"]}) as server:
        bob = visit(server).join("bob")
        paste(bob)
        bob.sees("This server takes no files.")


def test_everybody_can_use_it_on_every_screen(ada, bob, chat, axe):
    check = Check(ada, axe)
    send(chat, bob, "cat.png", picture(size=(1200, 900)), text="Look!")
    send(chat, bob, "a long name without any blank in it that goes on and on and on and on and on.pdf", bytes(5000))
    expect(ada.page.get_by_role("link", name="a long name")).to_be_visible()
    ada.page.route("**/upload/*", lambda route: None)
    chosen(ada, ("slow.bin", b"slow"), ("large.bin", bytes(2_000_001)))
    agree(ada)
    expect(ada.page.locator("#uploads .error")).to_be_visible()
    for size in SIZES:
        check.resize(size)
        check("files", "#talk")
    assert check.violations == [], "\n".join(check.violations)
