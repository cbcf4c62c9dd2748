// What somebody typed, as tokens: a string, or {tag, href, children}. Only dom.js makes nodes of them.

const MARKS = { "**": "strong", __: "strong", "*": "em", _: "em", "~~": "del" }
const SPECIAL = /(`+)(.+?)\1(?!`)|\b(?:https?:\/\/|mailto:)[^\s<>"`]{1,999}|\*\*|__|~~|[*_]/gi
const WORD = /[\p{L}\p{N}]/u
const DEEPEST = 4

export function parse(text, mine = /((?!))/, depth = 0) {
	const plain = part => part.split(mine).map((some, i) => (i % 2 ? { tag: "mark", children: [some] } : some))
	const special = new RegExp(SPECIAL)
	const unclosed = new Set() // marks
	const tokens = []
	let done = 0
	for (let match; (match = special.exec(text)); ) {
		const { 0: what, 2: code, index: at } = match
		let token = code && { tag: "code", children: [code.trim()], end: special.lastIndex }
		if (MARKS[what]) token = !unclosed.has(what) && emphasis(text, at, what, mine, depth, unclosed)
		else token ||= link(what, at)
		if (!token) continue
		tokens.push(...plain(text.slice(done, at)), token)
		done = special.lastIndex = token.end
	}
	return [...tokens, ...plain(text.slice(done))]
}

function emphasis(text, at, mark, mine, depth, unclosed) {
	const start = at + mark.length
	if (depth > DEEPEST || WORD.test(text[at - 1] ?? "") || !/\S/.test(text[start])) return
	for (let end = start; (end = text.indexOf(mark, end + 1)) > 0; ) {
		const after = text[end + mark.length] ?? ""
		if (/\s/.test(text[end - 1]) || WORD.test(after) || after === mark[0]) continue
		return { tag: MARKS[mark], children: parse(text.slice(start, end), mine, depth + 1), end: end + mark.length }
	}
	unclosed.add(mark)
}

function link(url, at) {
	// What ends a sentence is no part of it, nor is a parenthesis that was opened before.
	while (/[.,;:!?']$/.test(url) || (url.endsWith(")") && url.split(")").length > url.split("(").length))
		url = url.slice(0, -1)
	return URL.canParse(url) && { tag: "a", href: url, children: [url], end: at + url.length }
}

// Finds `name` as a word of its own, also behind an @.
export function mentions(name) {
	const literal = name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")
	return new RegExp(`(?<![\\p{L}\\p{N}_])(@?${literal})(?![\\p{L}\\p{N}_])`, "iu")
}

// Two spellings of one name are equal so.
export const fold = name => name.normalize("NFKC").toLowerCase()
