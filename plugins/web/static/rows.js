// Items as the rows that are shown.

const KINDS = { joined: "joined", left: "left", renamed: "changed names" }
const minute = item => Math.floor(item.time / 60_000)
const day = item => new Date(item.time).toDateString()

// See `sync` for `key` and `sign`. What has a number above `mark` was new when it came.
export function rows(items, mark) {
	const out = []
	const fenced = new Set() // senders
	const fresh = items.find(item => item.seq > (mark ?? Infinity))
	let group
	const apart = row => {
		out.push(row)
		group = null
	}
	for (const [i, item] of items.entries()) {
		const { kind, n: key, state, sender, action } = item
		const above = items[i - 1]
		if (!above || day(above) !== day(item)) apart({ kind: "day", key: `day ${key}`, item })
		if (item === fresh) apart({ kind: "new", key: "new", sign: key })
		if (kind === "message") {
			const head = action || group?.action || group?.sender !== sender || minute(group) !== minute(item)
			const fence = fenceOf(items, i, fenced)
			out.push({ kind, key, sign: [head, fence, state].join(), item, head, fence })
			if (head) group = item
		} else apart({ kind, key, sign: item.folded?.length, item })
	}
	return out
}

// Fenced code goes over several messages, as each is one line: "open", "in", "close", or nothing.
function fenceOf(items, i, fenced) {
	const { sender, text } = items[i]
	const mark = text.startsWith("```") && !text.includes("```", 3)
	if (fenced.has(sender)) return mark ? fenced.delete(sender) && "close" : "in"
	const closes = other => other.sender === sender && other.text.trim() === "```"
	return mark && items.slice(i + 1).some(closes) && fenced.add(sender) && "open"
}

export function summary(folded) {
	if (!folded[1]) return sentence(folded[0])
	const count = kind => folded.filter(item => item.kind === kind).length
	return Object.keys(KINDS).filter(count).map(kind => `${count(kind)} ${KINDS[kind]}`).join(", ")
}

export function sentence({ kind, name, new_name, reason = "left" }) {
	if (new_name) return `${name} is now known as ${new_name}`
	return `${name} ${kind}${reason !== "left" ? ` (${reason})` : ""}`
}
