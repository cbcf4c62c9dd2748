// Items in order, each once: by `seq`; what has none behind the message it came after; own pending ones last.

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
