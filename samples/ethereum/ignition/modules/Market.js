import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

/** Deploys the token, and the escrow and the auction that trade in it; the auction's deadline is in seconds since 1970. */
export default buildModule("Market", (m) => {
  const token = m.contract("Token", ["Consortium Dollar", "CUSD", 1_000_000n * 10n ** 18n]);
  const escrow = m.contract("Escrow", [token]);
  const auction = m.contract("SealedBidAuction", [token, m.getParameter("deadline")]);
  return { token, escrow, auction };
});
