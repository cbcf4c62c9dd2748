"""What the page shows of the operator's stamp, and what one does with a message besides answering it: reports, pins."""

from kit.browsers import expect, needs_browser
from kit.pages import act
from kit.programs import Program

from greenchat.testing import serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]

BRAND = {
    "brand.name": "The Garden",
    "brand.accent": "#0055aa",
    "brand.welcome": "Mind the roses.",
    "brand.rules": "No spades.",
}


def test_the_page_is_the_operators_and_messages_are_pinned_and_reported(visit):
    with serving(settings=BRAND) as server, Program(server, "bob") as bob:
        page = visit(server)
        expect(page.page).to_have_title("The Garden")
        expect(page.page.get_by_role("heading", name="The Garden")).to_be_visible()
        ada = page.join("ada")
        ada.sees("Mind the roses.", "There are rules here: /rules")
        main = ada.page.evaluate("getComputedStyle(document.querySelector('.main')).backgroundColor")
        assert main == "rgb(0, 85, 170)"
        ada.say("/join garden")
        ada.is_in("garden")
        bob.request(type="join", room="garden")
        bob.request(type="say", text="Water at six.", room="garden")
        ada.sees("Water at six.")
        act(ada, "Water at six.", "More")
        ada.page.locator("#menu").get_by_role("button", name="Pin", exact=True).click()
        ada.sees("ada has pinned a message of bob: /pins")
        act(ada, "Water at six.", "More")
        ada.page.locator("#menu").get_by_role("button", name="Report …", exact=True).click()
        ada.page.get_by_label("Why").fill("Too early")
        ada.page.keyboard.press("Enter")
        ada.sees("It is kept for those who keep order here: none of them is here now.")
