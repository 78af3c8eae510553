// Tables whose keys and values are converted to bytes and back.
import { ccf } from "./global.js";

const table = (nameOrTable) => (typeof nameOrTable === "string" ? ccf.kv[nameOrTable] : nameOrTable);

export class TypedKvMap {
  constructor(kv, kt, vt) {
    Object.assign(this, { kv, kt, vt });
  }

  has(key) {
    return this.kv.has(this.kt.encode(key));
  }

  get(key) {
    const value = this.kv.get(this.kt.encode(key));
    return value === undefined ? undefined : this.vt.decode(value);
  }

  getVersionOfPreviousWrite(key) {
    return this.kv.getVersionOfPreviousWrite(this.kt.encode(key));
  }

  set(key, value) {
    this.kv.set(this.kt.encode(key), this.vt.encode(value));
    return this;
  }

  delete(key) {
    this.kv.delete(this.kt.encode(key));
  }

  clear() {
    this.kv.clear();
  }

  forEach(visit) {
    this.kv.forEach((value, key) => {
      visit(this.vt.decode(value), this.kt.decode(key), this);
    });
  }

  get size() {
    return this.kv.size;
  }
}

export class TypedKvSet {
  constructor(kv, kt) {
    Object.assign(this, { kv, kt });
  }

  has(key) {
    return this.kv.has(this.kt.encode(key));
  }

  getVersionOfPreviousWrite(key) {
    return this.kv.getVersionOfPreviousWrite(this.kt.encode(key));
  }

  add(key) {
    this.kv.set(this.kt.encode(key), new ArrayBuffer(8));
    return this;
  }

  delete(key) {
    this.kv.delete(this.kt.encode(key));
  }

  clear() {
    this.kv.clear();
  }

  forEach(visit) {
    this.kv.forEach((value, key) => {
      visit(this.kt.decode(key), this);
    });
  }

  get size() {
    return this.kv.size;
  }
}

export const typedKv = (nameOrTable, kt, vt) => new TypedKvMap(table(nameOrTable), kt, vt);
export const typedKvSet = (nameOrTable, kt) => new TypedKvSet(table(nameOrTable), kt);
export const rawKv = ccf.kv;
