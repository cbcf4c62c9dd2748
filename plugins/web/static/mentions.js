// Whether somebody is mentioned: by a name that is a word of its own.

import { parse } from "./markup.js";
import { charAt, charBefore, fold, isHangul, isUnspaced, isWord, SPACE, WORD } from "./text.js";

// Whether, and where, `name` is mentioned: as a word of its own, also behind an @.
export function mentions(name) {
	if (name !== lastName) [lastName, last] = [name, matcherOf(name)];
	return last;
}

let [lastName, last] = [null, null];

// {find, test}
function matcherOf(name) {
	const wanted = folded(name).text;

	function find(text) {
		const found = [];
		const { text: all, places } = folded(text);
		const place = at => (places ? places[at] : at);
		for (let at = 0; wanted && (at = all.indexOf(wanted, at)) >= 0;) {
			let end = at + wanted.length;
			const start = all[at - 1] === "@" ? at - 1 : at;
			if (!isFree(all, start, at, end, wanted)) {
				at++;
				continue;
			}
			while (places && end < all.length && places[end] === places[end - 1]) end++; // of one character
			found.push({ from: place(start), to: place(end) });
			at = end;
		}
		return found;
	}

	const isMarked = ({ tag, children = [] }) => tag === "mark" || children.some(isMarked);
	// Not in code, and not in links: what is not marked is no mention.
	const test = text => find(text).length > 0 && parse(text, matcher).some(isMarked);
	const matcher = { find, test };
	return matcher;
}

// Marks without end on one letter would take long to be put in order.
const CLUSTERS = /[^][\p{M}\u1160-\u11ff]{0,30}/gu;

// As names are compared: {text, places}; `places` are where that was in what was typed. ASCII stays in its place.
function folded(text) {
	if (!/[^\x00-\x7f]/.test(text)) return { text: text.toLowerCase() };
	const places = [];
	let out = "";
	for (const { 0: cluster, index } of text.matchAll(CLUSTERS)) {
		const part = fold(cluster).replaceAll("ς", "σ");
		out += part;
		for (let i = 0; i < part.length; i++) places.push(index);
	}
	places.push(text.length);
	return { text: out, places };
}

// What holds words together, between two of them: e.g., i'm, bob-2, bob@example.org.
const GLUE = /[.'’\-@]/;

// Whether what stands from `at` to `end`, or with its @ from `start`, is a word of its own.
function isFree(text, start, at, end, name) {
	const before = charBefore(text, start);
	const after = charAt(text, end);
	const first = charAt(name, 0);
	const last = charBefore(name, name.length);
	return (start < at ? !isWord(before) : isFreeBefore(first)) && isFreeBehind();

	function isFreeBefore() {
		if (!before) return true;
		if (!WORD.test(first)) return SPACE.test(before);
		if (isUnspaced(first)) return true;
		if (GLUE.test(before)) return !isWord(charBefore(text, start - before.length));
		return !isWord(before) && !/[#$]/.test(before);
	}

	function isFreeBehind() {
		const beyond = charAt(text, end + after.length);
		if (!after || isHangul(after)) return true;
		if (!WORD.test(last)) return SPACE.test(after) || (/[,:;.!?]/.test(after) && (!beyond || SPACE.test(beyond)));
		if (isUnspaced(last) || isHangul(last)) return true;
		if (/['’]/.test(after) && beyond === "s") return !isWord(charAt(text, end + 2)); // bob's
		if (GLUE.test(after)) return !isWord(beyond);
		return !isWord(after) && !/[+#]/.test(after);
	}
}
