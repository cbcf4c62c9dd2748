// What may be meant by what stands before the cursor: names, rooms, commands, emoji.

import { EMOJI } from "./emoji.js";
import { charBefore, fold, isWord } from "./text.js";

const MOST_OPTIONS = 50;
const LONGEST_WORD = 200; // that is completed: names and commands are shorter

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
	else if (isEmoji)
		options = EMOJI.map(({ name, value }) => ({ name, value: `${value} `, label: value, help: `:${name}:` }));
	options = options.filter(begins).slice(0, MOST_OPTIONS);
	return options[0] && { from, options, loose: !eager && !isEmoji && !!known[0] };
}

// Those of `all` that what comes behind `text`, a command, may be: optional ones may be left out.
function meantBehind(text, all) {
	const at = text.trim().split(/\s+/).length - 1;
	const least = i => all.slice(0, i).filter(({ optional }) => !optional).length;
	return all.filter(({ repeated }, i) => least(i) <= at && (repeated || at <= i));
}
