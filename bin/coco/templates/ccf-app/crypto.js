// Functions of ccf.crypto by themselves.
import { ccf } from "./global.js";

export const {
  sign,
  verifySignature,
  generateAesKey,
  generateRsaKeyPair,
  generateEcdsaKeyPair,
  generateEddsaKeyPair,
  wrapKey,
  unwrapKey,
  digest,
  isValidX509CertBundle,
  isValidX509CertChain,
  pubPemToJwk,
  pemToJwk,
  pubRsaPemToJwk,
  rsaPemToJwk,
  pubEddsaPemToJwk,
  eddsaPemToJwk,
  pubJwkToPem,
  jwkToPem,
  pubRsaJwkToPem,
  rsaJwkToPem,
  pubEddsaJwkToPem,
  eddsaJwkToPem,
} = ccf.crypto;
