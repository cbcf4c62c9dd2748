// What is typed, as messages.

import { linksIn } from "./links.js";
import { isBlank } from "./text.js";

const REFUSED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g; // by the server
const MOST_LINES = 100; // of a message
const FENCE = "```"; // around code

const encoder = new TextEncoder();

// How many bytes `value` has as JSON: what the server's limit is about.
export const bytesOf = value => encoder.encode(JSON.stringify(value)).length;

// What is typed as messages: none shows nothing, or has too many lines, or bytes as JSON. Where code is cut, it goes on as
// code.
export function messagesOf(text, most) {
	const typed = text
		.replace(/\r\n?|[\u2028\u2029]/g, "\n")
		.replace(REFUSED, "")
		.trimEnd();
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
