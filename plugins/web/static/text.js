// Letters, as people see them: what is a part of a word, what shows nothing, and which spellings are the same.

export const SPACE = /\s/;
export const WORD = /[\p{L}\p{N}\p{M}_]/u;
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

// Two spellings of one name are equal so.
export const fold = name => name.normalize("NFKC").toLowerCase();

// The character at a place, which may be a pair of surrogates; "" behind the end.
export const charAt = (text, at) => (at < text.length ? String.fromCodePoint(text.codePointAt(at)) : "");

// The character that ends there; "" at the start.
export function charBefore(text, at) {
	const code = text.charCodeAt(at - 1);
	const start = code >= 0xdc00 && code < 0xe000 ? at - 2 : at - 1;
	return text.slice(Math.max(0, start), at);
}

export const isUnspaced = character => character > "\x7f" && UNSPACED.test(character);
export const isHangul = character => character > "\x7f" && HANGUL.test(character);

// Whether it is one word with a letter that stands beside it.
export function isWord(character) {
	if (character <= "\x7f") return /\w/.test(character);
	return WORD.test(character) && !UNSPACED.test(character) && !IGNORABLE.test(character);
}
