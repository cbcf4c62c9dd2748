// Items as the rows that are shown.

import { isFence, mentions } from "./text.js";

const FENCE_GAP = 5000; // ms between the lines of fenced code that has no end yet
const minute = item => Math.floor(item.time / 60_000);
const day = item => new Date(item.time).toDateString();

// See `sync` for `key` and `sign`. What has a number above `mark` was new when it came. A message that is part of fenced
// code has `fence` ("open", "in" or "close") and `code`, which is shown, and copied, as it is.
export function rows(items, mark) {
	const out = [];
	const fences = fencesOf(items);
	const fresh = items.find(item => item.seq > (mark ?? Infinity));
	let group;
	const apart = row => {
		out.push(row);
		group = null;
	};
	for (const [i, item] of items.entries()) {
		const { kind, n: key, state, sender, action } = item;
		const above = items[i - 1];
		if (!above || day(above) !== day(item)) apart({ kind: "day", key: `day ${key}`, item });
		if (item === fresh) apart({ kind: "new", key: "new", sign: key });
		if (kind === "message") {
			const head = action || group?.action || group?.sender !== sender || minute(group) !== minute(item);
			const fence = fences.get(item);
			const code = fence && codeOf(item.text, fence);
			out.push({ kind, key, sign: [head, fence, state].join(), item, head, fence, code });
			if (head) group = item;
		} else {
			apart({ kind, key, sign: item.folded?.length, item });
		}
	}
	return out;
}

// Whether `item`, one of `items`, names `name` where it is marked: not in code, and not in links.
export const isMention = (item, items, name) => mentions(name).test(item.text) && !fencesOf(items).has(item);

// Fenced code goes over several messages of one sender, as each is one line: "open", "in" or "close", by item.
function fencesOf(items) {
	const isCode = ({ kind, action }) => kind === "message" && !action;
	const ends = new Map(); // the last, by sender
	for (const item of items) if (isCode(item) && item.text.trim() === "```") ends.set(item.sender, item);
	const begun = new Map(); // by sender
	const fences = new Map();
	for (const item of items.filter(isCode)) {
		const { sender, time } = item;
		const code = begun.get(sender);
		if (code && (code.hasEnd || time - code.time <= FENCE_GAP)) {
			const closes = isFence(item.text);
			fences.set(code.first, "open").set(item, closes ? "close" : "in");
			code.time = time;
			if (closes) begun.delete(sender);
		} else if (isFence(item.text)) {
			begun.set(sender, { first: item, time, hasEnd: ends.has(sender) && ends.get(sender) !== item });
		} else {
			begun.delete(sender);
		}
		if (ends.get(sender) === item) ends.delete(sender);
	}
	return fences;
}

// What is shown, and copied, of a line, with its end and the empty lines behind it: see `linesOf`.
function codeOf(text, fence) {
	let end = text.length;
	while (text[end - 1] === "\t") end--;
	const line = text.slice(fence === "in" ? 0 : 3, end);
	return line + "\n".repeat(text.length - end + (line || fence === "in" ? 1 : 0));
}
