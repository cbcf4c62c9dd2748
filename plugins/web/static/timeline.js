let serial = 0;
const place = item => item.seq || item.after;
const idOf = item => item.seq || item.once;
const compare = (a, b) => place(a) - place(b) || !a.seq - !b.seq || a.n - b.n; // NaN, of two on their way, is falsy

export class Timeline {
	items = [];
	known = new Map();

	get first() {
		return this.items.find(item => item.seq)?.seq ?? 0;
	}
	get last() {
		return this.items.findLast(item => item.seq)?.seq ?? 0;
	}

	// Returns what is new. Comings and goings in a row become one item.
	add(...items) {
		const added = [];
		let after = (items.find(item => item.seq)?.seq ?? this.last + 1) - 1;
		for (const item of items) {
			const key = idOf(item);
			const known = key && this.known.get(key);
			const near = added.at(-1) ?? this.items.findLast(({ pending }) => !pending);
			if (item.seq) after = item.seq;
			if (known && known.id === item.id) {
				if (item.mine) Object.assign(known, { mine: true, state: item.state });
				continue;
			}
			if (known) this.remove(known); // the server has lost it
			const fold = item.folded && near?.folded && near.after === after && near;
			if (key) this.known.set(key, fold || item);
			if (fold) fold.folded.push(...item.folded);
			else added.push(Object.assign(item, { after: item.pending ? Infinity : after, n: ++serial }));
		}
		this.items = [...this.items, ...added].sort(compare);
		return added;
	}

	remove(item) {
		this.items = this.items.filter(other => other !== item);
		this.known.delete(idOf(item));
	}

	settle(item, seq, id, rev) {
		this.remove(item);
		this.add(Object.assign(item, { seq, id, rev, pending: false }));
	}

	// Some, and what is on its way.
	keep(from, to) {
		this.items = this.items.filter((item, i) => item.pending || (i >= from && i < to));
		this.known = new Map(this.items.map(item => [idOf(item), item]));
	}
}

// --- rows ---

const minute = item => Math.floor(item.time / 60_000);
const day = item => new Date(item.time).toDateString();

// See `sync` for `key` and `sign`. What has a number above `mark` was new when it came. `find`: a message by its number.
export function rows(items, mark, find = () => null) {
	const out = [];
	const fresh = items.find(item => item.seq > (mark ?? Infinity));
	let group;
	let above; // the last that has a time
	const apart = row => {
		out.push(row);
		group = null;
	};
	for (const item of items) {
		const { kind, n: key, state, sender, action } = item;
		if (kind === "deleted") {
			group = null;
			const last = out.at(-1);
			if (last?.kind === kind && item !== fresh) last.sign++;
			else {
				if (item === fresh) apart({ kind: "new", key: "new", sign: key });
				apart({ kind, key, sign: 1, item });
			}
			continue;
		}
		if (!above || day(above) !== day(item)) apart({ kind: "day", key: `day ${key}`, item });
		above = item;
		if (item === fresh) apart({ kind: "new", key: "new", sign: key });
		if (kind === "message") {
			const original = item.reply_to ? find(item.reply_to) : null;
			const head = action || item.reply_to > 0 || group?.action || group?.sender !== sender || minute(group) !== minute(item);
			const sign = [head, state, item.looks, original?.kind, original?.looks].join();
			out.push({ kind, key, sign, item, head, original });
			if (head) group = item;
		} else {
			apart({ kind, key, sign: item.folded?.length, item });
		}
	}
	return out;
}

// --- comings and goings, as sentences ---

// Who goes to another room has not left the chat: only the reason tells.
const KINDS = new Map([
	["joined", "joined"],
	["left", "left"],
	["renamed", "changed names"]
]);
const MOVED = /^went to \S+$/;

export function summary(folded) {
	if (!folded[1]) return sentence(folded[0]);
	const counts = [...KINDS].map(([kind, word]) => [folded.filter(item => item.kind === kind).length, word]);
	return counts
		.filter(([count]) => count)
		.map(([count, word]) => `${count} ${word}`)
		.join(", ");
}

export function sentence({ kind, name, new_name, reason = "left" }) {
	if (new_name) return `${name} is now known as ${new_name}`;
	if (kind !== "left") return `${name} ${kind}`;
	if (MOVED.test(reason)) return `${name} ${reason}`;
	return `${name} has left the room${reason === "left" ? "" : ` (${reason})`}`;
}
