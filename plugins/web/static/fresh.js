// The way to the first new message, where the line above it is out of sight.

import { $ } from "./dom.js";
import * as log from "./log.js";
import { toMark } from "./pages.js";
import { chat } from "./state.js";

const box = $("log");
const button = $("to-new");

const list = $("messages");
const topOf = node => node.getBoundingClientRect().top;

export function render() {
	button.hidden = !isAbove();
}

function isAbove() {
	const { mark } = chat.active;
	if (mark === null) return false;
	const line = list.querySelector(".new");
	return line ? topOf(line) < topOf(box) : !chat.active.reaches(mark);
}

// Returns whether there is a way.
export function go() {
	const isOpen = !button.hidden;
	if (isOpen) lead(chat.active);
	return isOpen;
}

async function lead(room) {
	room.following = false;
	await toMark(room);
	if (chat.active !== room) return;
	log.render();
	log.point("new");
	// From there, keys go on through the messages.
	list.querySelector(".new ~ .message")?.focus({ preventScroll: true });
}

button.onclick = go;
box.addEventListener("scroll", () => chat.active && render(), { passive: true });
