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
