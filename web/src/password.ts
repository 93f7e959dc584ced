// randomPassword has 20 characters of four kinds: 120 bits.
export function randomPassword(): string {
  const kinds = ["abcdefghijkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", "-_=+@%^#"];
  const pick = (from: string) => {
    for (;;) {
      const [b] = crypto.getRandomValues(new Uint8Array(1));
      if (b < 256 - (256 % from.length)) return from[b % from.length];
    }
  };
  const chars = [...kinds.map(pick), ...Array.from({ length: 16 }, () => pick(kinds.join("")))];
  for (let i = chars.length - 1; i > 0; i--) {
    const j = crypto.getRandomValues(new Uint32Array(1))[0] % (i + 1);
    [chars[i], chars[j]] = [chars[j], chars[i]];
  }
  return chars.join("");
}
