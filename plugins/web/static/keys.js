// What keys do, in one dialog.

import { $, ask, el } from "./dom.js";

const KEYS = {
	"Everywhere": [
		["Ctrl+K", "Go to a conversation, a person or a room"],
		["Alt+↑ Alt+↓", "The conversation above or below"],
		["Alt+Shift+↑ Alt+Shift+↓", "The next one with something unread"],
		["Shift+PageUp", "The first new message"],
		["Ctrl+Shift+F", "Search"],
		["?", "These keys; once more, a question mark"]
	],
	"Where you write": [
		["Enter", "Send"],
		["Shift+Enter", "Begin a line"],
		["Tab", "Complete a name or a command"],
		["↑", "Edit your last message, or have a command back"],
		["Esc", "Leave an answer or an edit"],
		["Shift+Tab ↑", "Into the messages"]
	],
	"At a message": [
		["↑ ↓", "The one above or below"],
		["Enter", "All that you can do with it"],
		["+", "React"],
		["R", "Answer"],
		["E", "Edit"],
		["Esc", "Back to where you write"]
	]
};

const line = ([keys, what]) => [
	el(
		"dt",
		keys.split(" ").map(one => el("kbd", one))
	),
	el("dd", what)
];
const part = ([title, lines]) => [el("h3", title), el("dl", lines.flatMap(line))];

const SCROLLED = { "tabindex": 0, "role": "region", "aria-label": "All keys" };

// `box`: where the question mark was typed, which it still can be there.
export async function show(box) {
	const dialog = $("ask");
	dialog.onkeydown = event => {
		if (event.key !== "?") return;
		event.preventDefault();
		event.stopPropagation(); // or it would open them again
		dialog.close();
		box?.setRangeText("?", 0, 0, "end");
		box?.dispatchEvent(new Event("input"));
	};
	dialog.classList.add("wide");
	await ask("Keys", [], "Close", el("div.keys", SCROLLED, Object.entries(KEYS).flatMap(part)), { isDone: true });
	dialog.classList.remove("wide");
	dialog.onkeydown = null;
}
