// Digests of files that are sent: what arrived is what was sent, and a file that is chosen again is known.

export const DIGESTED = 64 * 1024 * 1024; // a digest of a whole file takes as much memory

async function sha256(blob) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
}

// By its digest a file is known again, whatever it is called; one that is too large for that stays unknown.
export async function digest(file) {
  if (file.size > DIGESTED) return undefined;
  return Array.from(await sha256(file), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// The digest of a piece goes with it: what was damaged on the way is sent again before it counts.
export async function vouch(request, file, size) {
  const from = { POST: "0", PATCH: request.getHeader("Upload-Offset") }[request.getMethod()];
  if (from === undefined) return;
  const piece = await sha256(file.slice(Number(from), Number(from) + size));
  request.setHeader("Upload-Checksum", `sha256 ${btoa(String.fromCharCode(...piece))}`);
}
