// What somebody typed, as tokens: a string, or {tag, href, children}. Only dom.js makes nodes of them.

const TAGS = { "*": "em", "**": "strong", _: "em", __: "strong", "~~": "del" };
const SPECIAL = /`+|https?:\/\/|mailto:|\*+|_+|~+/gi;
const SCHEME = /https?:\/\/|mailto:/gi;
const MOST_ELEMENTS = 250; // of one text. What comes behind is shown as it was typed

const SPACE = /\s/;
const WORD = /[\p{L}\p{N}\p{M}_]/u;
// Scripts that put no spaces between words.
const UNSPACED =
	/[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Yiii}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}]/u;
// Korean puts spaces, but hangs on to a name what others say with a word of its own.
const HANGUL = /\p{scx=Hang}/u;
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/u;
// What nobody sees, as greenchat/protocol/text.py has it: the server refuses a text of nothing else as empty.
export const UNSEEN =
	"[\\s\\p{Default_Ignorable_Code_Point}\\p{Mn}\\p{Me}\\u2800\\ufff9-\\ufffc\\u{1d159}\\u{13430}-\\u{1343f}]";
const BLANK = new RegExp(`^${UNSEEN}*$`, "u");

export const isBlank = text => BLANK.test(text);

// Lines between "```" and "```", or the end.
const FENCED = /^```([^`\n]*)\n([^]*?)(?:^```[ \t]*(?:\n|(?![^]))|(?![^]))/gm;

// Two spellings of one name are equal so.
export const fold = name => name.normalize("NFKC").toLowerCase();

// The character at a place, which may be a pair of surrogates; "" behind the end.
const charAt = (text, at) => (at < text.length ? String.fromCodePoint(text.codePointAt(at)) : "");

// The character that ends there; "" at the start.
export function charBefore(text, at) {
	const code = text.charCodeAt(at - 1);
	const start = code >= 0xdc00 && code < 0xe000 ? at - 2 : at - 1;
	return text.slice(Math.max(0, start), at);
}

const isUnspaced = character => character > "\x7f" && UNSPACED.test(character);
const isHangul = character => character > "\x7f" && HANGUL.test(character);

// Whether it is one word with a letter that stands beside it.
export function isWord(character) {
	if (character <= "\x7f") return /\w/.test(character);
	return WORD.test(character) && !UNSPACED.test(character) && !IGNORABLE.test(character);
}

// `mine` finds whom to mark: see `mentions`.
export function parse(text, mine) {
	const tokens = [];
	let shown = 0;
	for (const { 0: whole, 1: language, 2: code, index } of text.matchAll(FENCED)) {
		tokens.push(...inline(text.slice(shown, index), mine));
		tokens.push({ tag: "pre", children: language.trim() ? [{ tag: "small", children: [language] }, code] : [code] });
		shown = index + whole.length;
	}
	return [...tokens, ...inline(text.slice(shown), mine)];
}

function inline(text, mine) {
	const named = mine?.find(text) ?? [];
	const ends = endsOfCode(text);
	const special = new RegExp(SPECIAL);
	const open = new Map(); // marks, and where in `tokens` they stand
	const tokens = [];
	let shown = 0; // up to where `tokens` reach
	let names = 0; // that are behind us
	let elements = 0;

	// Leaves out what stands between the two places.
	const leave = (from, to) => {
		if (from > shown) tokens.push(text.slice(shown, from));
		shown = special.lastIndex = to;
	};
	const add = (from, to, tag, content, href) => {
		leave(from, to);
		tokens.push({ tag, href, children: [content] });
		elements++;
	};

	function close(mark) {
		const start = open.get(mark);
		for (const [other, at] of open) if (at >= start) open.delete(other); // what began in between has no end
		const children = joined(tokens.splice(start).slice(1));
		tokens.push({ tag: TAGS[mark], children });
		elements++;
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

	while (elements < MOST_ELEMENTS) {
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
			const { to, href } = linkAt(text, at);
			if (href) add(at, to, "a", href, href);
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

const OUTSIDE_LINK = /[\s<>"`\p{Pi}\p{Pf}\p{Default_Ignorable_Code_Point}]|[[\p{Ps}\p{Pe}\p{Terminal_Punctuation}]--\p{ASCII}]/gv;
const END_OF_SENTENCE = /[.,;:!?'*_~\|]|[\p{P}--\p{ASCII}]/v;
const ENDLESS_HOST = /^https?:\/\/[^/?#]{300}/i; // DNS has none longer than 253
const BRACKETS = { ")": "(", "]": "[", "}": "{" };

// {to, href}; without `href` there is no link before `to`.
function linkAt(text, at) {
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

// Where the links of `text` are: {from, to}.
export function linksIn(text) {
	const found = [];
	const scheme = new RegExp(SCHEME);
	for (let match; (match = scheme.exec(text)); ) {
		const { to, href } = linkAt(text, match.index);
		if (href) found.push({ from: match.index, to });
		scheme.lastIndex = to;
	}
	return found;
}

// Whether, and where, `name` is mentioned: as a word of its own, also behind an @.
export function mentions(name) {
	const wanted = folded(name).text;

	function find(text) {
		const found = [];
		const { text: all, places } = folded(text);
		const place = at => (places ? places[at] : at);
		for (let at = 0; wanted && (at = all.indexOf(wanted, at)) >= 0; ) {
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
