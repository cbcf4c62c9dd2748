// What is typed: as lines, how fast they may go, completion.

import { EMOJI } from "./emoji.js";
import { charBefore, fold, isBlank, isFence, isWord, linksIn } from "./text.js";

const REFUSED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g; // by the server
const MOST_OPTIONS = 50;
const LONGEST_WORD = 200; // that is completed: names and commands are shorter

const encoder = new TextEncoder();

// How many bytes `value` has as JSON: what the server's limit is about.
export const bytesOf = value => encoder.encode(JSON.stringify(value)).length;

// Lines to say: none shows nothing, or has more than `most` bytes as JSON. An empty one in fenced code is a tab at the end
// of the line before it.
export function linesOf(text, most) {
	const lines = [];
	let isFenced = false;
	let empty = 0; // lines in the code, with something behind them
	for (const typed of text.replace(/\r\n?|[\u2028\u2029]/g, "\n").replace(REFUSED, "").split("\n")) {
		const line = typed.trimEnd();
		if (isBlank(line)) {
			empty += isFenced;
			continue;
		}
		const withEmpty = `${lines.at(-1)}${"\t".repeat(empty)}`;
		if (empty && bytesOf(withEmpty) <= most) lines.splice(-1, 1, withEmpty);
		empty = 0;
		lines.push(...cut(line, most));
		if (isFence(line)) isFenced = !isFenced;
	}
	return lines;
}

// Scripts that may be cut between any two letters, but not before what ends a sentence.
const IDEOGRAPHIC = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}]/u;
const JOINER = "\u200d"; // of two emoji
const FLAG = /\p{Regional_Indicator}/u;
const GOES_ON = /[\p{M}\p{Emoji_Modifier}\u200d\u1160-\u11ff\u{e0020}-\u{e007f}]/u;
const ENDING = /[\p{Pe}\p{Pf}\p{Po}]/u;

// `line` in parts of at most `most` bytes: between words, and not within a link that fits into one.
function cut(line, most) {
	if (bytesOf(line) <= most) return [line];
	const { bytes, words, pictures } = placesIn(line, most - 2);
	const parts = [];
	for (let start = 0, end = 0; start < line.length; ) {
		while (end < line.length && bytes[end + 1] - bytes[start] <= most - 2) end++;
		// Where not even one letter fits, the server says so.
		const place = [end === line.length ? end : 0, words[end], pictures[end], end].find(place => place > start) ?? line.length;
		parts.push(line.slice(start, place).trimEnd());
		for (start = place; /\s/.test(line[start]); ) start++;
		end = Math.max(start, end);
	}
	return parts.filter(part => !isBlank(part));
}

// By each place in `line`: how many bytes are before it, and the last place up to there at which it may be cut, between
// words, or at least between what is seen as one.
function placesIn(line, most) {
	const bytes = new Uint32Array(line.length + 1);
	const words = new Uint32Array(line.length + 1);
	const pictures = new Uint32Array(line.length + 1);
	const fill = (array, value, at, length) => array.fill(value, at + 1, at + 1 + length);
	let at = 0;
	for (const character of line) {
		fill(bytes, bytes[at] + bytesOfCharacter(character), at, character.length);
		at += character.length;
	}
	const links = linksIn(line).filter(({ from, to }) => bytes[to] - bytes[from] <= most);
	let link = 0;
	let before = "";
	let flags = 0; // letters of flags in a row: two of them are one
	at = 0;
	for (const character of line) {
		flags = FLAG.test(character) ? flags + 1 : 0;
		if (!GOES_ON.test(character) && before !== JOINER && (flags % 2 || !flags)) pictures[at] = at;
		while (links[link]?.to <= at) link++;
		const { from } = links[link] ?? { from: Infinity };
		const isWordEnd = /\s/.test(character) || from === at || isIdeographic(before, character);
		if (isWordEnd && from >= at && pictures[at] === at) words[at] = at;
		fill(words, words[at], at, character.length);
		fill(pictures, pictures[at], at, character.length);
		before = character;
		at += character.length;
	}
	pictures[line.length] = line.length;
	return { bytes, words, pictures };
}

const isIdeographic = (before, behind) => IDEOGRAPHIC.test(before + behind) && !ENDING.test(behind);

function bytesOfCharacter(character) {
	const code = character.codePointAt(0);
	if (code < 0x80) return '"\\\t'.includes(character) ? 2 : 1;
	if (code < 0x800) return 2;
	if (code >= 0xd800 && code < 0xe000) return 6; // half of a pair: JSON writes its number
	return code < 0x10000 ? 3 : 4;
}

// The server's token bucket: `burst` frames at once, then `rate` a second (0: any).
export class Bucket {
	constructor(burst = 1, rate = 0) {
		Object.assign(this, { burst, rate, left: burst, at: Date.now() });
	}

	// In ms, until `count` frames may have gone.
	wait(count) {
		const past = Date.now() - this.at;
		this.at += past;
		this.left = Math.min(this.burst, this.left + (past / 1000) * this.rate);
		return this.rate && Math.max(0, ((count - this.left) / this.rate) * 1000);
	}
}

// "bob how are you" as ["bob", "how are you"].
export function wordAndRest(text) {
	const line = text.trim();
	const end = line.search(/\s/);
	return end < 0 ? [line, ""] : [line.slice(0, end), line.slice(end).trimStart()];
}

// For the word before `cursor`: commands at the start, names behind an @, or after Tab (`eager`) anywhere.
export function complete(text, cursor, names, commands, eager) {
	let from = cursor;
	while (from > 0 && !/\s/.test(text[from - 1])) if (cursor - --from > LONGEST_WORD) return;
	// Where there are no spaces, an @ stands in the middle.
	const mention = text.lastIndexOf("@", cursor - 1);
	if (mention > from && !isWord(charBefore(text, mention))) from = mention;
	const word = text.slice(from, cursor);
	const wanted = fold(word.replace(/^[@/:]/, ""));
	const begins = option => fold(option.name).startsWith(wanted);
	const isEmoji = /^:[+-]?\w{2,}$/.test(word);
	let options = [];
	if (!from && word[0] === "/")
		options = commands.map(known => ({ ...known, value: `/${known.name} `, label: `/${known.name} ${known.usage}` }));
	else if (isEmoji) options = EMOJI.map(({ name, value }) => ({ name, value: `${value} `, label: value, help: `:${name}:` }));
	else if (word[0] === "@" || (eager && word))
		options = names.map(name => ({ name, value: name + (from ? " " : ": "), label: name }));
	options = options.filter(begins).slice(0, MOST_OPTIONS);
	return options[0] && { from, options };
}
