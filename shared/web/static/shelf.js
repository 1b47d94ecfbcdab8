// Files that wait on this device to be sent, so that a reload need not ask for them again; a day at most, on whichever page
// that is noticed.

const DAY = 86400000;

export const shelf = {
  name: "consilium-uploads",
  open: () => new Promise((done, failed) => {
    const asked = indexedDB.open(shelf.name, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("files", { keyPath: "key" });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  }),
  async work(mode, act) {
    try {
      const base = await shelf.open();
      return await new Promise((done, failed) => {
        const step = base.transaction("files", mode);
        const asked = act(step.objectStore("files"));
        step.oncomplete = () => { base.close(); done(asked?.result); };
        step.onerror = step.onabort = () => { base.close(); failed(step.error); };
      });
    } catch { return undefined; } // a private window, or no room: the files are chosen again
  },
  put: (entry) => shelf.work("readwrite", (files) => files.put(entry)),
  drop: (key) => shelf.work("readwrite", (files) => files.delete(key)),
  async fresh() {
    const all = (await shelf.work("readonly", (files) => files.getAll())) ?? [];
    for (const old of all.filter((one) => Date.now() - one.at > DAY)) await shelf.drop(old.key);
    return all.filter((one) => Date.now() - one.at <= DAY);
  },
};
