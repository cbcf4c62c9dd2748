// The way to the first new message, where the line above it is out of sight.

import { $ } from "./dom.js";
import * as log from "./log.js";
import { toMark } from "./pages.js";
import { chat } from "./state.js";

const box = $("log");
const button = $("to-new");

const topOf = node => node.getBoundingClientRect().top;

export function render() {
	const { mark } = chat.active;
	const line = log.find("new");
	button.hidden = mark === null || (line ? topOf(line) >= topOf(box) : chat.active.reaches(mark));
}

export async function go() {
	const room = chat.active;
	if (button.hidden) return;
	room.following = false;
	await toMark(room);
	if (chat.active !== room) return;
	log.render();
	log.point("new");
	// From there, keys go on through the messages.
	log.find("new")?.nextElementSibling?.focus({ preventScroll: true });
}

button.onclick = go;
box.addEventListener("scroll", () => chat.active && render(), { passive: true });
