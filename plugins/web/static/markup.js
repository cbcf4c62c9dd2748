// What somebody typed, as tokens: a string, or {tag, href, level, children}. Only dom.js makes nodes of them. The terminal client has
// the same rules: greenchat/connect/model/markup.py.

import { linkAt, namedLinkAt } from "./links.js";
import { charAt, charBefore, isWord, SPACE, WORD } from "./text.js";

const TAGS = { "*": "em", "**": "strong", "_": "em", "__": "strong", "~~": "del" };
const SPECIAL = /`+|https?:\/\/|mailto:|\[|\*+|_+|~+/gi;
const MOST_ELEMENTS = 250; // of one text. What comes behind is shown as it was typed

const END = "(?:\\n|(?![^]))"; // of a line
// Lines between "```" and "```", or the end; lines behind "> "; lines behind "- ", "* ", "1. " or "1) ".
const BLOCKS = new RegExp(
	[
		`^\`\`\`([^\`\\n]*)\\n([^]*?)(?:^\`\`\`[ \\t]*${END}|(?![^]))`,
		`^> +[^ \\n][^\\n]*${END}(?:^>(?: [^\\n]*)?${END})*`,
		`(?:^ {0,6}(?:[-*•]|[0-9]{1,9}[.)]) +[^ \\n][^\\n]*${END})+`
	].join("|"),
	"gm"
);
const ITEM = /^( *)(\S+) +([^]*)$/;
const DEEPEST = 3; // level of a list's items

// `mine` finds whom to mark: see `mentions`.
export function parse(text, mine) {
	const left = { elements: MOST_ELEMENTS };
	const tokens = [];
	let shown = 0;
	for (const { 0: whole, 1: language, 2: code, index } of text.matchAll(BLOCKS)) {
		tokens.push(...inline(text.slice(shown, index), mine, left));
		if (code !== undefined) tokens.push(fenced(language, code));
		else if (left.elements <= 0) tokens.push(whole);
		else if (whole[0] === ">") tokens.push(quote(whole, mine, left));
		else tokens.push(list(whole, mine, left));
		shown = index + whole.length;
	}
	return [...tokens, ...inline(text.slice(shown), mine, left)];
}

const fenced = (language, code) => ({
	tag: "pre",
	children: language.trim() ? [{ tag: "small", children: [language] }, code] : [code]
});

function quote(lines, mine, left) {
	left.elements -= 1;
	return { tag: "blockquote", children: inline(lines.replace(/^> ?/gm, ""), mine, left) };
}

// What stands before an item is kept as it was typed, where it is a number.
function list(lines, mine, left) {
	const item = line => {
		const [, indent, sign, rest] = ITEM.exec(line);
		const level = Math.min(DEEPEST, indent.length >> 1);
		left.elements -= 1;
		const shown = { tag: "sign", children: [sign.length > 1 ? `${sign} ` : "• "] };
		return { tag: "li", level, children: [shown, ...inline(rest, mine, left)] };
	};
	return { tag: "ul", children: lines.split(/(?<=\n)/).map(item) };
}

function inline(text, mine, left) {
	const named = mine?.find(text) ?? [];
	const ends = endsOfCode(text);
	const special = new RegExp(SPECIAL);
	const open = new Map(); // marks, and where in `tokens` they stand
	const tokens = [];
	let shown = 0; // up to where `tokens` reach
	let names = 0; // that are behind us

	// Leaves out what stands between the two places.
	const leave = (from, to) => {
		if (from > shown) tokens.push(text.slice(shown, from));
		shown = special.lastIndex = to;
	};
	const add = (from, to, tag, content, href) => {
		leave(from, to);
		tokens.push({ tag, href, children: [content] });
		left.elements -= 1;
	};

	function close(mark) {
		const start = open.get(mark);
		for (const [other, at] of open) if (at >= start) open.delete(other); // what began in between has no end
		const children = joined(tokens.splice(start).slice(1));
		tokens.push({ tag: TAGS[mark], children });
		left.elements -= 1;
	}

	// A run of marks ends what such marks began, and then begins something else.
	function emphasis(from, to, sign) {
		const before = charBefore(text, from);
		const after = charAt(text, to);
		const mayClose = before && !SPACE.test(before) && isApart(after, charAt(text, to + after.length), NO_END);
		const mayOpen = after && !SPACE.test(after) && isApart(before, charBefore(text, from - before.length), NO_START);
		while (mayClose && from < to) {
			const inner = [...open.keys()].findLast(mark => mark[0] === sign);
			const mark = to - from === 3 ? inner : sign.repeat(to - from);
			if (!open.has(mark)) break;
			leave(from, (from += mark.length));
			close(mark);
		}
		while (mayOpen && from < to) {
			const mark = sign.repeat(Math.min(to - from, 2));
			leave(from, (from += mark.length));
			open.delete(mark); // one within another of its kind would look the same
			open.set(mark, tokens.push(mark) - 1);
		}
		// In the middle of a path or a program, nothing begins or ends with such marks.
		if (!mayClose && !mayOpen && before.trim() && after.trim() && !(isWord(before) && isWord(after)))
			for (const mark of open.keys()) if (mark[0] === sign) open.delete(mark);
		special.lastIndex = to;
	}

	while (left.elements > 0) {
		const match = special.exec(text);
		const { 0: what, index: at } = match ?? { 0: "", index: text.length };
		const end = at + what.length;
		const isMark = /[*_~]/.test(what[0]);
		while (names < named.length && named[names].from < shown) names++;
		const { from, to } = named[names] ?? { from: Infinity };
		if (from < at || (from === at && isMark)) {
			add(from, to, "mark", text.slice(from, to));
		} else if (!match) {
			break;
		} else if (isMark) {
			const name = what === "__" && endOfName(text, at);
			if (name) special.lastIndex = name;
			else if (what.length <= 3 && (what[0] !== "~" || what.length === 2)) emphasis(at, end, what[0]);
		} else if (what[0] === "`") {
			const last = ends.get(at);
			if (last) add(at, last, "code", codeOf(text.slice(end, last - what.length)));
		} else {
			const { from = at, to, href, words = href } = what === "[" ? namedLinkAt(text, at) : linkAt(text, at);
			if (href) add(from, to, "a", words, href);
			else special.lastIndex = to;
		}
	}
	leave(text.length, text.length);
	return joined(tokens);
}

// Strings side by side as one.
function joined(tokens) {
	const out = [];
	let text = "";
	for (const token of tokens) {
		if (typeof token === "string") text += token;
		else {
			if (text) out.push(text);
			out.push(token);
			text = "";
		}
	}
	return text ? [...out, text] : out;
}

// What no emphasis stands behind or before, besides words: it is arithmetic, a path or a program.
const NO_START = ")]}/\\@#$%&+=";
const NO_END = "([{/\\@#$%&+=";

// Whether emphasis may stand beside `outer`, behind which is `beyond`.
function isApart(outer, beyond, never) {
	if (!outer || "*_~".includes(outer)) return true;
	if (outer === ".") return !WORD.test(beyond); // else it is a file's name, or an object's part
	return !never.includes(outer) && !isWord(outer);
}

// Where a name like __init__ ends that begins there, if one does.
function endOfName(text, at) {
	const name = /\w+/y;
	name.lastIndex = at;
	const [word] = /\w/.test(charBefore(text, at)) ? [""] : name.exec(text);
	return word.length > 4 && word.endsWith("__") && at + word.length;
}

// Where code ends, by where it begins: at the next run of as many backticks.
function endsOfCode(text) {
	const ends = new Map();
	const next = new Map(); // by their number
	for (const { 0: run, index } of [...text.matchAll(/`+/g)].reverse()) {
		ends.set(index, next.get(run.length));
		next.set(run.length, index + run.length);
	}
	return ends;
}

// The blanks around it are for code that itself begins with a backtick.
const codeOf = text => (/^ .*\S.* $/s.test(text) ? text.slice(1, -1) : text);
