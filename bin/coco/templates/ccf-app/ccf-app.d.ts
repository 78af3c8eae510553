// Types of @microsoft/ccf-app and of the global `ccf`, for applications without npm. Where CCF's own package is
// installed, remove this file.

declare module "@microsoft/ccf-app/global.js" {
  export const ccf: CCF;
  export type JsonCompatible<T> = any;

  export interface KvMap {
    has(key: ArrayBuffer): boolean;
    get(key: ArrayBuffer): ArrayBuffer | undefined;
    getVersionOfPreviousWrite(key: ArrayBuffer): number | undefined;
    set(key: ArrayBuffer, value: ArrayBuffer): KvMap;
    delete(key: ArrayBuffer): void;
    clear(): void;
    forEach(visit: (value: ArrayBuffer, key: ArrayBuffer, table: KvMap) => void): void;
    /** Some rows, in the order of their keys, until `visit` returns false. Not part of CCF. */
    range(
      visit: (value: ArrayBuffer, key: ArrayBuffer, table: KvMap) => boolean | void,
      options?: { from?: ArrayBuffer; to?: ArrayBuffer; reverse?: boolean; limit?: number },
    ): void;
    size: number;
  }
  export type KvMaps = { [name: string]: KvMap };
  export interface KvSet {
    has(key: ArrayBuffer): boolean;
    getVersionOfPreviousWrite(key: ArrayBuffer): number | undefined;
    add(key: ArrayBuffer): KvSet;
    delete(key: ArrayBuffer): void;
    clear(): void;
    forEach(visit: (key: ArrayBuffer, set: KvSet) => void): void;
    size: number;
  }

  export interface ProofElement {
    left?: string;
    right?: string;
  }
  export type Proof = ProofElement[];
  export interface LeafComponents {
    write_set_digest: string;
    commit_evidence?: string;
    claims_digest?: string;
  }
  export interface Receipt {
    signature: string;
    cert: string;
    proof: Proof;
    leaf?: string;
    leaf_components?: LeafComponents;
    node_id: string;
  }
  export interface HistoricalState {
    transactionId: string;
    receipt: Receipt;
    kv: KvMaps;
  }
  export interface TransactionId {
    view: number;
    seqno: number;
  }
  export type TransactionStatus = "Committed" | "Invalid" | "Pending" | "Unknown";

  export interface RsaOaepParams {
    name: "RSA-OAEP";
    label?: ArrayBuffer;
  }
  export interface AesKwpParams {
    name: "AES-KWP";
  }
  export interface RsaOaepAesKwpParams {
    name: "RSA-OAEP-AES-KWP";
    aesKeySize: number;
    label?: ArrayBuffer;
  }
  export type WrapAlgoParams = RsaOaepParams | AesKwpParams | RsaOaepAesKwpParams;
  export interface CryptoKeyPair {
    privateKey: string;
    publicKey: string;
  }
  export type AlgorithmName = "RSA-PSS" | "ECDSA" | "EdDSA" | "HMAC";
  export type DigestAlgorithm = "SHA-256" | "SHA-384" | "SHA-512";
  export interface SigningAlgorithm {
    name: AlgorithmName;
    hash?: DigestAlgorithm;
    saltLength?: number;
  }
  export interface JsonWebKey {
    kty: string;
    kid?: string;
  }
  export interface JsonWebKeyECPublic extends JsonWebKey {
    crv: string;
    x: string;
    y: string;
  }
  export interface JsonWebKeyECPrivate extends JsonWebKeyECPublic {
    d: string;
  }
  export interface JsonWebKeyRSAPublic extends JsonWebKey {
    n: string;
    e: string;
  }
  export interface JsonWebKeyRSAPrivate extends JsonWebKeyRSAPublic {
    d: string;
    p: string;
    q: string;
    dp: string;
    dq: string;
    qi: string;
  }
  export interface JsonWebKeyEdDSAPublic extends JsonWebKey {
    crv: string;
    x: string;
  }
  export interface JsonWebKeyEdDSAPrivate extends JsonWebKeyEdDSAPublic {
    d: string;
  }
  export interface CCFCrypto {
    sign(algorithm: SigningAlgorithm, key: string, plaintext: ArrayBuffer): ArrayBuffer;
    verifySignature(algorithm: SigningAlgorithm, key: string, signature: ArrayBuffer, plaintext: ArrayBuffer): boolean;
    generateAesKey(size: number): ArrayBuffer;
    generateRsaKeyPair(size: number, exponent?: number): CryptoKeyPair;
    generateEcdsaKeyPair(curve: string): CryptoKeyPair;
    generateEddsaKeyPair(curve: string): CryptoKeyPair;
    wrapKey(key: ArrayBuffer, wrappingKey: ArrayBuffer, algorithm: WrapAlgoParams): ArrayBuffer;
    unwrapKey(key: ArrayBuffer, wrappingKey: ArrayBuffer, algorithm: WrapAlgoParams): ArrayBuffer;
    digest(algorithm: DigestAlgorithm, plaintext: ArrayBuffer): ArrayBuffer;
    isValidX509CertBundle(pem: string): boolean;
    isValidX509CertChain(chain: string, trusted: string): boolean;
    pubPemToJwk(pem: string, kid?: string): JsonWebKeyECPublic;
    pemToJwk(pem: string, kid?: string): JsonWebKeyECPrivate;
    pubRsaPemToJwk(pem: string, kid?: string): JsonWebKeyRSAPublic;
    rsaPemToJwk(pem: string, kid?: string): JsonWebKeyRSAPrivate;
    pubEddsaPemToJwk(pem: string, kid?: string): JsonWebKeyEdDSAPublic;
    eddsaPemToJwk(pem: string, kid?: string): JsonWebKeyEdDSAPrivate;
    pubJwkToPem(jwk: JsonWebKeyECPublic): string;
    jwkToPem(jwk: JsonWebKeyECPrivate): string;
    pubRsaJwkToPem(jwk: JsonWebKeyRSAPublic): string;
    rsaJwkToPem(jwk: JsonWebKeyRSAPrivate): string;
    pubEddsaJwkToPem(jwk: JsonWebKeyEdDSAPublic): string;
    eddsaJwkToPem(jwk: JsonWebKeyEdDSAPrivate): string;
  }

  export interface CCFRpc {
    setApplyWrites(keep: boolean): void;
    setClaimsDigest(digest: ArrayBuffer): void;
  }
  export interface CCFConsensus {
    getLastCommittedTxId(): TransactionId;
    getStatusForTxId(view: number, seqno: number): TransactionStatus;
    getViewForSeqno(seqno: number): number | null;
  }
  export interface CCFHistorical {
    getStateRange(handle: number, from: number, to: number, secondsUntilExpiry: number): HistoricalState[] | null;
    dropCachedStates(handle: number): boolean;
  }
  export interface CCF {
    strToBuf(text: string): ArrayBuffer;
    bufToStr(bytes: ArrayBuffer): string;
    jsonCompatibleToBuf(value: any): ArrayBuffer;
    bufToJsonCompatible<T = any>(bytes: ArrayBuffer): T;
    /** Up to 65536 random bytes. Not part of CCF. */
    random(count: number): ArrayBuffer;
    crypto: CCFCrypto;
    rpc: CCFRpc;
    consensus: CCFConsensus;
    kv: KvMaps;
    historicalState?: HistoricalState;
    historical: CCFHistorical;
    enableUntrustedDateTime(enable: boolean): boolean;
    enableMetricsLogging(enable: boolean): boolean;
  }
}

declare module "@microsoft/ccf-app/converters.js" {
  export type { JsonCompatible } from "@microsoft/ccf-app/global.js";
  export interface DataConverter<T> {
    encode(value: T): ArrayBuffer;
    decode(bytes: ArrayBuffer): T;
  }
  export const bool: DataConverter<boolean>;
  export const int8: DataConverter<number>;
  export const uint8: DataConverter<number>;
  export const int16: DataConverter<number>;
  export const uint16: DataConverter<number>;
  export const int32: DataConverter<number>;
  export const uint32: DataConverter<number>;
  export const int64: DataConverter<bigint>;
  export const uint64: DataConverter<bigint>;
  export const float32: DataConverter<number>;
  export const float64: DataConverter<number>;
  export const string: DataConverter<string>;
  export const json: <T = any>() => DataConverter<T>;
  export const checkedJson: <T = any>() => DataConverter<T>;
  export type TypedArray = ArrayBufferView;
  export interface TypedArrayConstructor<T extends TypedArray> {
    new (buffer: ArrayBuffer, byteOffset?: number, length?: number): T;
  }
  export const typedArray: <T extends TypedArray>(type: TypedArrayConstructor<T>) => DataConverter<T>;
  export const arrayBuffer: DataConverter<ArrayBuffer>;
}

declare module "@microsoft/ccf-app/kv.js" {
  import type { DataConverter } from "@microsoft/ccf-app/converters.js";
  import type { KvMap, KvMaps } from "@microsoft/ccf-app/global.js";
  export type { KvMap, KvMaps, KvSet } from "@microsoft/ccf-app/global.js";
  export class TypedKvMap<K, V> {
    constructor(kv: KvMap, kt: DataConverter<K>, vt: DataConverter<V>);
    has(key: K): boolean;
    get(key: K): V | undefined;
    getVersionOfPreviousWrite(key: K): number | undefined;
    set(key: K, value: V): TypedKvMap<K, V>;
    delete(key: K): void;
    clear(): void;
    forEach(visit: (value: V, key: K, table: TypedKvMap<K, V>) => void): void;
    get size(): number;
  }
  export class TypedKvSet<K> {
    constructor(kv: KvMap, kt: DataConverter<K>);
    has(key: K): boolean;
    getVersionOfPreviousWrite(key: K): number | undefined;
    add(key: K): TypedKvSet<K>;
    delete(key: K): void;
    clear(): void;
    forEach(visit: (key: K, set: TypedKvSet<K>) => void): void;
    get size(): number;
  }
  export function typedKv<K, V>(
    nameOrTable: string | KvMap,
    kt: DataConverter<K>,
    vt: DataConverter<V>,
  ): TypedKvMap<K, V>;
  export function typedKvSet<K>(nameOrTable: string | KvMap, kt: DataConverter<K>): TypedKvSet<K>;
  export const rawKv: KvMaps;
}

declare module "@microsoft/ccf-app/consensus.js" {
  import type { CCFConsensus } from "@microsoft/ccf-app/global.js";
  export type { TransactionStatus } from "@microsoft/ccf-app/global.js";
  export const getLastCommittedTxId: CCFConsensus["getLastCommittedTxId"];
  export const getStatusForTxId: CCFConsensus["getStatusForTxId"];
  export const getViewForSeqno: CCFConsensus["getViewForSeqno"];
}

declare module "@microsoft/ccf-app/historical.js" {
  import type { CCFHistorical, HistoricalState } from "@microsoft/ccf-app/global.js";
  export type { HistoricalState, Proof, ProofElement, Receipt } from "@microsoft/ccf-app/global.js";
  export const historicalState: HistoricalState | undefined;
  export const getStateRange: CCFHistorical["getStateRange"];
  export const dropCachedStates: CCFHistorical["dropCachedStates"];
}

declare module "@microsoft/ccf-app/endpoints.js" {
  export interface Body<T = any> {
    text(): string;
    json(): T;
    arrayBuffer(): ArrayBuffer;
  }
  export interface Request<T = any> {
    headers: { [name: string]: string };
    params: { [name: string]: string };
    url: string;
    path: string;
    route: string;
    query: string;
    method: string;
    hostname: string;
    body: Body<T>;
    caller?: AuthnIdentity;
  }
  export interface AuthnIdentityCommon {
    policy: string | string[];
  }
  export interface EmptyAuthnIdentity extends AuthnIdentityCommon {
    policy: "no_auth";
  }
  export interface AnyCertAuthnIdentity extends AuthnIdentityCommon {
    policy: "any_cert";
    cert: string;
  }
  interface Party extends AuthnIdentityCommon {
    cert: string;
    id: string;
    data: any;
  }
  export interface UserCertAuthnIdentity extends Party {
    policy: "user_cert";
  }
  export interface MemberCertAuthnIdentity extends Party {
    policy: "member_cert";
  }
  export interface MemberCOSESign1AuthnIdentity extends Party {
    policy: "member_cose_sign1";
    cose: { content: ArrayBuffer };
  }
  export interface UserCOSESign1AuthnIdentity extends Party {
    policy: "user_cose_sign1";
    cose: { content: ArrayBuffer };
  }
  export interface JwtAuthnIdentity extends AuthnIdentityCommon {
    policy: "jwt";
    jwt: { keyIssuer: string; header: any; payload: any };
  }
  export interface AllOfAuthnIdentity extends AuthnIdentityCommon {
    policy: string[];
    user_cert?: UserCertAuthnIdentity;
    member_cert?: MemberCertAuthnIdentity;
    any_cert?: AnyCertAuthnIdentity;
    user_cose_sign1?: UserCOSESign1AuthnIdentity;
    member_cose_sign1?: MemberCOSESign1AuthnIdentity;
    jwt?: JwtAuthnIdentity;
  }
  export type AuthnIdentity =
    | EmptyAuthnIdentity
    | UserCertAuthnIdentity
    | MemberCertAuthnIdentity
    | AnyCertAuthnIdentity
    | JwtAuthnIdentity
    | MemberCOSESign1AuthnIdentity
    | UserCOSESign1AuthnIdentity
    | AllOfAuthnIdentity;
  export type ResponseBodyType<T> = any;
  export interface Response<T = any> {
    statusCode?: number;
    headers?: { [name: string]: string };
    body?: T;
  }
  export type EndpointFn<A = any, B = any> = (request: Request<A>) => Response<B>;
  export const setApplyWrites: (keep: boolean) => void;
  export const setClaimsDigest: (digest: ArrayBuffer) => void;
}

declare module "@microsoft/ccf-app/crypto.js" {
  import type { CCFCrypto } from "@microsoft/ccf-app/global.js";
  export type {
    AesKwpParams,
    CryptoKeyPair,
    DigestAlgorithm,
    RsaOaepAesKwpParams,
    RsaOaepParams,
    SigningAlgorithm,
    WrapAlgoParams,
  } from "@microsoft/ccf-app/global.js";
  export const sign: CCFCrypto["sign"];
  export const verifySignature: CCFCrypto["verifySignature"];
  export const generateAesKey: CCFCrypto["generateAesKey"];
  export const generateRsaKeyPair: CCFCrypto["generateRsaKeyPair"];
  export const generateEcdsaKeyPair: CCFCrypto["generateEcdsaKeyPair"];
  export const generateEddsaKeyPair: CCFCrypto["generateEddsaKeyPair"];
  export const wrapKey: CCFCrypto["wrapKey"];
  export const unwrapKey: CCFCrypto["unwrapKey"];
  export const digest: CCFCrypto["digest"];
  export const isValidX509CertBundle: CCFCrypto["isValidX509CertBundle"];
  export const isValidX509CertChain: CCFCrypto["isValidX509CertChain"];
  export const pubPemToJwk: CCFCrypto["pubPemToJwk"];
  export const pemToJwk: CCFCrypto["pemToJwk"];
  export const pubRsaPemToJwk: CCFCrypto["pubRsaPemToJwk"];
  export const rsaPemToJwk: CCFCrypto["rsaPemToJwk"];
  export const pubEddsaPemToJwk: CCFCrypto["pubEddsaPemToJwk"];
  export const eddsaPemToJwk: CCFCrypto["eddsaPemToJwk"];
  export const pubJwkToPem: CCFCrypto["pubJwkToPem"];
  export const jwkToPem: CCFCrypto["jwkToPem"];
  export const pubRsaJwkToPem: CCFCrypto["pubRsaJwkToPem"];
  export const rsaJwkToPem: CCFCrypto["rsaJwkToPem"];
  export const pubEddsaJwkToPem: CCFCrypto["pubEddsaJwkToPem"];
  export const eddsaJwkToPem: CCFCrypto["eddsaJwkToPem"];
}

declare module "@microsoft/ccf-app/textcodec.js" {
  export class TextEncoder {
    readonly encoding: string;
    encode(text: string): Uint8Array;
    encodeInto(text: string, into: Uint8Array): { read?: number; written?: number };
  }
}

declare module "@microsoft/ccf-app/utils.js" {
  export function toArrayBuffer(bytes: ArrayBufferLike | Uint8Array): ArrayBuffer;
  export function toUint8ArrayBuffer(bytes: Uint8Array): Uint8Array;
}

declare module "@microsoft/ccf-app" {
  export * from "@microsoft/ccf-app/kv.js";
  export * from "@microsoft/ccf-app/converters.js";
  export * from "@microsoft/ccf-app/consensus.js";
  export * from "@microsoft/ccf-app/historical.js";
  export * from "@microsoft/ccf-app/endpoints.js";
}

declare const ccf: import("@microsoft/ccf-app/global.js").CCF;
