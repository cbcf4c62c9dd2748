import { EMOJI } from "./emoji.js";
import { charBefore, fold, isBlank, isWord, linksIn } from "./text.js";

const REFUSED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g; // by the server
const MOST_LINES = 100; // of a message
const FENCE = "```"; // around code
const MOST_OPTIONS = 50;
const LONGEST_WORD = 200; // that is completed: names and commands are shorter

const encoder = new TextEncoder();

// How many bytes `value` has as JSON: what the server's limit is about.
export const bytesOf = value => encoder.encode(JSON.stringify(value)).length;

// What is typed as messages: none shows nothing, or has too many lines, or bytes as JSON. Where code is cut, it goes on as
// code.
export function messagesOf(text, most) {
	const typed = text.replace(/\r\n?|[\u2028\u2029]/g, "\n").replace(REFUSED, "").trimEnd();
	const room = most - bytesOf(FENCE);
	const messages = [];
	let lines = [];
	let bytes = 0; // of JSON: a line's quotes are as long as its break
	let fence = ""; // by which code has begun
	const put = line => {
		lines.push(line);
		bytes += bytesOf(line);
	};
	const end = () => {
		if (!isBlank(lines.join(""))) messages.push(lines.join("\n"));
		lines = [];
		bytes = 0;
	};
	for (const line of typed.split("\n").flatMap(line => cut(line.trimEnd(), room))) {
		const isFence = fence ? line === FENCE : /^```[^`]*$/.test(line);
		const fits = lines.length + (fence && !isFence ? 1 : 0) < MOST_LINES && bytes + bytesOf(line) <= room;
		if (lines[0] && !fits) {
			if (fence) put(FENCE);
			end();
			if (fence) put(fence);
		}
		if (lines[0] || !isBlank(line)) put(line);
		if (isFence) fence = fence ? "" : line;
	}
	end();
	return messages;
}

const LETTERS = new Intl.Segmenter(); // as they are seen: flags and emoji are one, and what stands on a letter is a part of it
const ENDING = /^[\p{Pe}\p{Pf}\p{Po}]/u; // no part begins with that

// `line` in parts of at most `most` bytes: between words, and in a longer one not within a link that fits. Where not even
// one letter fits, the server says so.
function cut(line, most) {
	if (bytesOf(line) <= most) return [line];
	const parts = [""];
	let bytes = 0;
	for (const word of line.match(/\s*\S+/g))
		for (const piece of bytesOf(word) <= most ? [word] : pieces(word, most)) {
			const size = bytesOf(piece) - 2;
			if (bytes && bytes + size > most - 2) {
				bytes = 0;
				parts.push("");
			}
			bytes += size;
			parts[parts.length - 1] += bytes === size && parts.length > 1 ? piece.trimStart() : piece;
		}
	return parts;
}

function pieces(word, most) {
	const found = [];
	const add = text => {
		for (const { segment } of LETTERS.segment(text))
			if (found[0] && ENDING.test(segment) && !ENDING.test(found.at(-1).at(-1))) found[found.length - 1] += segment;
			else found.push(segment);
	};
	let at = 0;
	for (const { from, to } of linksIn(word).filter(({ from, to }) => bytesOf(word.slice(from, to)) <= most)) {
		add(word.slice(at, from));
		found.push(word.slice(from, to));
		at = to;
	}
	add(word.slice(at));
	return found;
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

// For the word before `cursor`: commands at the start, names behind an @, or after Tab (`eager`) anywhere, emoji, and what
// the arguments `all` of a command may be (`loose`: or something else), by their kinds in `values`.
export function complete(text, cursor, values, commands, eager, all = []) {
	let from = cursor;
	while (from > 0 && !/\s/.test(text[from - 1])) if (cursor - --from > LONGEST_WORD) return;
	// Where there are no spaces, an @ stands in the middle.
	const mention = text.lastIndexOf("@", cursor - 1);
	if (mention > from && !isWord(charBefore(text, mention))) from = mention;
	const word = text.slice(from, cursor);
	const wanted = fold(word.replace(/^[@/:]/, ""));
	const begins = option => fold(option.name).startsWith(wanted);
	const isEmoji = /^:[+-]?\w{2,}$/.test(word);
	const meant = from ? meantBehind(text.slice(0, from), all) : [];
	const known = meant.flatMap(({ kind, choices }) => choices ?? values.get(kind) ?? []);
	const names = known[0] ? known : word[0] === "@" || (eager && word) ? values.get("member") : [];
	let options = names.map(name => ({ name, value: name + (from ? " " : ": "), label: name }));
	if (!from && word[0] === "/")
		options = commands.map(known => ({ ...known, value: `/${known.name} `, label: `/${known.name} ${known.usage}` }));
	else if (isEmoji) options = EMOJI.map(({ name, value }) => ({ name, value: `${value} `, label: value, help: `:${name}:` }));
	options = options.filter(begins).slice(0, MOST_OPTIONS);
	return options[0] && { from, options, loose: !eager && !isEmoji && !!known[0] };
}

// Those of `all` that what comes behind `text`, a command, may be: optional ones may be left out.
function meantBehind(text, all) {
	const at = text.trim().split(/\s+/).length - 1;
	const least = i => all.slice(0, i).filter(({ optional }) => !optional).length;
	return all.filter(({ repeated }, i) => least(i) <= at && (repeated || at <= i));
}
