// Links in what somebody typed.

import { charBefore, isBlank } from "./text.js";

const SCHEME = /https?:\/\/|mailto:/gi;
const OUTSIDE_LINK =
	/[\s<>"`\p{Pi}\p{Pf}\p{Default_Ignorable_Code_Point}]|[[\p{Ps}\p{Pe}\p{Terminal_Punctuation}]--\p{ASCII}]/gv;
const END_OF_SENTENCE = /[.,;:!?'*_~\|]|[\p{P}--\p{ASCII}]/v;
const ENDLESS_HOST = /^https?:\/\/[^/?#]{300}/i; // DNS has none longer than 253
const BRACKETS = { ")": "(", "]": "[", "}": "{" };

// {to, href}; without `href` there is no link before `to`.
export function linkAt(text, at) {
	OUTSIDE_LINK.lastIndex = at;
	const stop = OUTSIDE_LINK.exec(text)?.index ?? text.length;
	const count = {};
	for (let i = at; i < stop; i++) count[text[i]] = (count[text[i]] ?? 0) + 1;
	let to = stop;
	// What ends the sentence is no part of it, nor is a bracket that was opened before.
	for (; to > at; to--) {
		const last = text[to - 1];
		const opened = BRACKETS[last];
		if (opened ? count[last] <= (count[opened] ?? 0) : !/[([{]/.test(last) && !END_OF_SENTENCE.test(last)) break;
		count[last]--;
	}
	const href = text.slice(at, to);
	const isLink = !/[a-z0-9]/i.test(charBefore(text, at)) && !ENDLESS_HOST.test(href) && URL.canParse(href);
	return isLink ? { to, href } : { to: stop };
}

// [words](https://...): {from, to, href, words}. Without `words` it is a link as all others, or, without `href`, none.
const NAMED = /\[([^[\]\n]{1,200})\]\((?=https?:\/\/)/iy;

export function namedLinkAt(text, at) {
	NAMED.lastIndex = at;
	const [begin, words] = NAMED.exec(text) ?? [];
	if (!begin || isBlank(words)) return { to: at + 1 };
	const from = at + begin.length;
	const { to, href } = linkAt(text, from);
	if (!href) return { to };
	return text[to] === ")" ? { from: at, to: to + 1, href, words } : { from, to, href };
}

// Where the links of `text` are: {from, to}.
export function linksIn(text) {
	const found = [];
	const scheme = new RegExp(SCHEME);
	for (let match; (match = scheme.exec(text));) {
		const { to, href } = linkAt(text, match.index);
		if (href) found.push({ from: match.index, to });
		scheme.lastIndex = to;
	}
	return found;
}
