// What one can do with a message: the buttons beside one, its menu, keys in the log, and clicks on what is in it.

import { answer, change } from "./drafts.js";
import { chat } from "./state.js";
import { removal, run } from "./commands.js";
import { $, button, copy, describe, el, harmful, hint, icon, menu } from "./dom.js";
import { USUAL } from "./emoji.js";
import { isOld } from "./files.js";
import { isThere, mayDelete, mayEdit, react } from "./changes.js";
import { find } from "./log.js";
import { renewFiles } from "./pages.js";
import { date } from "./looks.js";
import { go, linked, linkTo } from "./search.js";

const log = $("log");
const list = $("messages");
const ROW = "#messages > .message";
// Pictures, as paths on a square of 20.
const FACE = "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M7.5 8v.5M12.5 8v.5M7 12q3 3 6 0";
const ARROW = "M8 5L4 9l4 4M4 9h7q5 0 5 6";
const PEN = "M4 16l1-4 8-8 3 3-8 8zM11 6l3 3";
const DOTS = "M4 10h1M10 10h1M16 10h1";

// What does the same on the message that has the focus.
const KEYS = { react: "+", answer: "R", edit: "E", all: "Enter" };

const bar = el("div.acts", { "role": "group", "aria-label": "This message" });
let at = null; // the row that it is at
let held = false;

const tool = (label, path, run, keys) => {
	const node = button(() => run(at.item), icon(path));
	describe(node, label, keys);
	return node;
};

function attach(row) {
	if (row === at) return;
	bar.remove();
	at?.classList.remove("at");
	at = row;
	const room = chat.active;
	if (!row || !isThere(room, row.item)) return;
	bar.replaceChildren(
		tool("React", FACE, item => menu(bar.firstChild, [], faces(room, item)), KEYS.react),
		tool("Answer", ARROW, answer, KEYS.answer),
		...(mayEdit(room, row.item) ? [tool("Edit", PEN, change, KEYS.edit)] : []),
		tool("More", DOTS, item => all(bar.lastChild, item), KEYS.all)
	);
	show();
}

// The bar is taller than a short row: that one is not clipped meanwhile.
function show() {
	at.classList.add("at");
	at.append(bar);
}

// Rows are made anew when something becomes of them. What this returns puts the buttons, and the focus, back.
export function hold() {
	const focus = document.activeElement;
	const had = bar.contains(focus);
	held = true;
	return () => {
		held = false;
		if (!at || at.isConnected) return;
		const row = find(at.key);
		if (!row?.item || !had) return attach(row?.item ? row : null);
		at = row;
		show();
		focus.focus({ preventScroll: true });
	};
}

export const forget = () => attach(null);

function faces(room, item) {
	const face = emoji => {
		const pick = () => {
			$("menu").hidePopover();
			react(room, item, emoji);
		};
		const node = button(pick, emoji);
		node.ariaPressed = !!item.reactions.get(emoji)?.some(chat.isMe);
		return node;
	};
	return el("div.faces", { "role": "group", "aria-label": "React" }, USUAL.map(face));
}

function all(anchor, item) {
	const room = chat.active;
	if (!isThere(room, item)) return;
	menu(
		anchor,
		[
			[["Answer", () => answer(item)], mayEdit(room, item) && ["Edit", () => change(item)]],
			[
				["Copy text", () => copy(item.text, "Text")],
				["Copy link", () => copy(linkTo(room, item), "Link")]
			],
			[
				!room.direct && room.member(chat.name).role && run(...pinning(room, item)),
				!chat.isMine(item) && run("report", { number: item.seq }, "Report"),
				mayDelete(room, item) && harmful(["Delete …", () => removal(room, item)])
			]
		],
		faces(room, item)
	);
}

const pinning = ({ pins }, { seq }) =>
	pins.has(seq) ? ["unpin", { number: seq }, "Unpin"] : ["pin", { number: seq }, "Pin"];

const isBusy = () => held || $("menu").matches(":popover-open");

// A tap is a mouse's, too. One that rests while keys are used does not count.
const keyed = () => at?.matches(":focus-visible, :has(:focus-visible)");
const focused = () => document.activeElement.closest(ROW);
const over = ({ type, target }) =>
	isBusy() || (type === "mouseover" && keyed()) || attach(target.closest(ROW) ?? focused());
for (const event of ["mouseover", "focusin", "contextmenu"]) list.addEventListener(event, over);
list.addEventListener("mouseover", ({ target }) => date(target.closest("time")));
list.onmouseleave = () => isBusy() || attach(focused());

list.onclick = event => {
	const { target, ctrlKey, metaKey, shiftKey } = event;
	const { item } = target.closest(ROW) ?? {};
	const [chip, quote, link] = [".chip", ".quote", "a"].map(what => target.closest(what));
	const place = link && !ctrlKey && !metaKey && !shiftKey && linked(link.href);
	if (chip) react(chat.active, item, chip.value);
	else if (quote) go(chat.active, item.reply_to);
	else if (link?.closest(".files") && isOld(link.href)) {
		event.preventDefault();
		freshen(item, "This link was out of date. It is a new one now: choose it once more.");
	} else if (place) {
		event.preventDefault();
		go(...place);
	}
};

// A picture that was in sight too late.
const missing = ({ target }) => target.closest(".files") && isOld(target.src) && freshen(target.closest(ROW).item, "");
list.addEventListener("error", missing, true);

async function freshen(item, words) {
	if (await renewFiles(chat.active, item)) hint(words);
}

log.onkeydown = event => {
	const { key, target, ctrlKey, metaKey, altKey, shiftKey } = event;
	if (ctrlKey || metaKey || altKey || (shiftKey && key !== KEYS.react)) return;
	const row = target.closest(ROW);
	const step = { ArrowUp: -1, ArrowDown: 1 }[key];
	const shown = [...list.querySelectorAll(".message")];
	const { bottom } = log.getBoundingClientRect();
	if (step && row) shown[shown.indexOf(row) + step]?.focus();
	else if (key === "ArrowUp" && target === log)
		shown.findLast(node => node.getBoundingClientRect().top < bottom)?.focus();
	else if (key === "Enter" && target === row) all(row, row.item);
	else if (target === row && press(key.toUpperCase(), row)) return event.preventDefault();
	else if (key === "Escape" && row) $("text").focus();
	else return;
	event.preventDefault();
};

// Whether the key means something for the message of `row`.
function press(key, row) {
	const { item } = row;
	const room = chat.active;
	if (!item || !isThere(room, item)) return false;
	if (key === KEYS.react) menu(row, [], faces(room, item));
	else if (key === KEYS.answer) answer(item);
	else if (key === KEYS.edit && mayEdit(room, item)) change(item);
	else return false;
	return true;
}
