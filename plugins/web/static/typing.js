// What is typed: as lines, how fast they may go, completion.

const REFUSED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g // by the server
const MOST = 50

// No line is empty, or longer than `most` characters.
export function linesOf(text, most) {
	const part = new RegExp(`.{1,${most}}(?!\\S)|.{1,${most}}`, "gsu")
	const lines = text.replace(/\r\n?|[\u2028\u2029]/g, "\n").replace(REFUSED, "").split("\n")
	return lines.flatMap(line => line.trimEnd().match(part) ?? [])
}

// The server's token bucket: `burst` frames at once, then `rate` a second (0: any).
export class Bucket {
	constructor(burst = 1, rate = 0) {
		Object.assign(this, { burst, rate, left: burst, at: Date.now() })
	}

	// In ms, until `count` frames may have gone.
	wait(count) {
		const past = Date.now() - this.at
		this.at += past
		this.left = Math.min(this.burst, this.left + (past / 1000) * this.rate)
		return this.rate && Math.max(0, ((count - this.left) / this.rate) * 1000)
	}
}

// For the word before `cursor`: commands at the start, names behind an @, or after Tab (`eager`) anywhere.
export function complete(text, cursor, names, commands, eager) {
	const [word] = /\S*$/.exec(text.slice(0, cursor))
	const from = cursor - word.length
	const begins = option => option.name.toLowerCase().startsWith(word.replace(/^[@/]/, "").toLowerCase())
	let options = []
	if (!from && word[0] === "/")
		options = commands.map(known => ({ ...known, value: `/${known.name} `, label: `/${known.name} ${known.usage}` }))
	else if (word[0] === "@" || (eager && word))
		options = names.map(name => ({ name, value: name + (from ? " " : ": "), label: name }))
	options = options.filter(begins).slice(0, MOST)
	return options[0] && { from, options }
}
