// What is copied out of the log reads as lines: "[12:00] ada: Hello".

import { $ } from "./dom.js";

const list = $("messages");

document.oncopy = event => {
	const selection = getSelection();
	if (!selection.rangeCount || /^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
	const range = selection.getRangeAt(0);
	const rows = [...list.children].filter(row => row.copied && range.intersectsNode(row));
	const bodies = rows.map(row => row.querySelector(".body") ?? row);
	// Within one message, a browser knows best.
	if (!rows[0] || bodies[0].contains(range.commonAncestorContainer)) return;
	const parts = rows.map((row, i) => ({ ...row.copied, text: chosen(range, bodies[i], row.copied.text) }));
	const lines = parts.filter(({ text }) => text !== null).map(({ prefix, text }) => prefix + text);
	event.clipboardData.setData("text/plain", lines.join("\n"));
	event.preventDefault();
};

// What of `body` is within `range`: the whole `text` as it was typed, a part of it as it is shown, or null.
function chosen(range, body, text) {
	if (!range.intersectsNode(body)) return null;
	const part = document.createRange();
	part.selectNodeContents(body);
	const whole = part.toString();
	if (body.contains(range.startContainer)) part.setStart(range.startContainer, range.startOffset);
	if (body.contains(range.endContainer)) part.setEnd(range.endContainer, range.endOffset);
	const some = part.toString();
	return some === whole ? text : some || null;
}
