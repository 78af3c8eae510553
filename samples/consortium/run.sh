#!/usr/bin/env bash
# The life of a consortium, from its founding to an upgrade of its code, as docs/book/src/consortium.md tells it.
#
#   samples/consortium/run.sh [--stay] [DIR]
#
# Three banks decide, a regulator audits, an operator runs the nodes; here all of them are on this machine and take
# turns. Runs `coco`, or what COCO names; wants curl and openssl. Files go to the new folder DIR and stay there, or to a
# temporary one. Stops at the first step that does not go as it says, and ends what it started. With --stay the service
# runs until Enter is pressed.
set -euo pipefail

stay=false
if [[ ${1:-} == --stay ]]; then stay=true; shift; fi
samples=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
coco=$(command -v "${COCO:-coco}") || { echo "coco is not in PATH, and COCO does not name it" >&2; exit 2; }
coco=$(realpath "$coco")
if [[ -n ${1:-} ]]; then mkdir "$1"; work=$1; else work=$(mktemp -d); temporary=$work; fi
cd "$work"
exec 3>&1

step="start"
step() { step=$1; printf '\n== %s\n   %s\n' "$1" "$2"; }
# Shows whose command it is that runs.
show() {
  local line="$1\$" word; shift
  for word; do if [[ $word == *' '* ]]; then line+=" '$word'"; else line+=" $word"; fi; done
  echo "$line" >&3
}

# ---- Nodes

declare -A pids=()

# Starts NAME with EXECUTABLE and this section `command`.
start_node() {
  local name=$1 executable=$2 command=$3
  mkdir "$name"
  cat > "$name/config.json" <<JSON
{
  "network": {
    "node_to_node_interface": { "bind_address": "127.0.0.1:0" },
    "rpc_interfaces": { "main": { "bind_address": "127.0.0.1:0" } }
  },
  "consensus": { "message_timeout": "100ms", "election_timeout": "1s" },
  "command": $command,
  "output_files": { "rpc_addresses_file": "rpc_addresses.json" }
}
JSON
  show operator coco node --config "$name/config.json"
  (cd "$name" && exec "$executable" node --config config.json > out 2> err 3>&-) &
  pids[$name]=$!
}

# Starts NAME with EXECUTABLE; it asks the node at COCO_URL to be let in.
join_node() {
  local target="{ \"target_rpc_address\": \"${COCO_URL#https://}\", \"retry_timeout\": \"100ms\" }"
  start_node "$1" "$2" "{ \"type\": \"Join\", \"service_certificate_file\": \"../service_cert.pem\", \"join\": $target }"
}

stop_node() { kill -TERM "${pids[$1]}" && wait "${pids[$1]}" && unset "pids[$1]"; }
has_ended() { ! kill -0 "${pids[$1]}" 2> /dev/null; }
url_of() { sed -n 's|.*"main" *: *"\([^"]*\)".*|https://\1|p' "$1/rpc_addresses.json"; }
# A node is named by the SHA-256 of its public key.
id_of() { openssl x509 -in "$1/nodecert.pem" -noout -pubkey | openssl pkey -pubin -outform der | digest_of -; }
digest_of() { sha256sum "$1" | cut -d' ' -f1; }
ask() { curl -sS --fail --max-time 60 --cacert service_cert.pem "$@"; }
get() { ask "$COCO_URL$1"; }
answers() { ask "$(url_of "$1")$2"; }
# The node of these that leads.
url_of_primary() {
  local name
  for name; do
    if answers "$name" /node/consensus 2> /dev/null | grep -q '"leadership_state": *"Leader"'; then url_of "$name"; return; fi
  done
  return 1
}
is_listed() { get "$1" | grep -q "$2"; }
is_healthy() { "$coco" network status --url "$COCO_URL" --ca service_cert.pem; }

# Tries a command again and again, for a minute.
wait_until() {
  local what=$1 tries; shift
  for ((tries = 0; tries < 600; tries++)); do
    if "$@" > /dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "waited in vain until $what" >&2
  return 1
}

# The operator's node NAME, which runs trusted code, becomes part of the service; the constitution wants no vote.
admit_node() {
  wait_until "$1 has a key" test -s "$1/nodecert.pem"
  local id; id=$(id_of "$1")
  wait_until "$1 asks to join" is_listed "/gov/service/nodes/$id?api-version=2024-07-01" Pending
  propose operator Accepted transition_node_to_trusted --id "$id" --days 90
  wait_until "$1 is part of the service" answers "$1" /node/ready/app
}

# NAME runs code that is not trusted: the service turns it away, and it ends by itself.
is_turned_away() {
  wait_until "$1 ends" has_ended "$1"
  echo "  refused: $(grep -o 'Quote host data is not authorised' "$1/out")"
  unset "pids[$1]"
}

# ---- Members

# NAME makes its keys.
keygen() { show "$1" coco keygen --name "$@"; "$coco" keygen --dir keys --name "$@" > /dev/null; }

# What NAME does with `coco gov`.
gov() {
  local name=$1; shift
  show "$name" coco gov "$@"
  COCO_MEMBER_CERT=keys/${name}_cert.pem COCO_MEMBER_KEY=keys/${name}_privk.pem "$coco" gov "$@"
}

proposal=""
# Tells of the proposal, which has to be in this STATE.
told() {
  proposal=$(sed -n 's/^Proposal \([0-9a-f]*\) is .*/\1/p' <<< "$2")
  sed 's/^Proposal \(.\{8\}\)[0-9a-f]* is/  \1 is/; 1q' <<< "$2"
  [[ $2 == "Proposal $proposal is $1."* ]]
}
# NAME proposes actions, which are then in this STATE.
propose() { local name=$1 state=$2; shift 2; told "$state" "$(gov "$name" propose "$@")"; }
# NAME votes on what was proposed last, --for or --against; that is then in this STATE.
vote() { told "$3" "$(gov "$1" vote "$proposal" "$2")"; }
# The first of these banks proposes, all of them vote for it, and the last vote decides.
decide() {
  local banks; read -ra banks <<< "$1"; shift
  propose "${banks[0]}" Open "$@"
  local name
  for name in "${banks[@]:0:${#banks[@]}-1}"; do vote "$name" --for Open; done
  vote "${banks[-1]}" --for Accepted
}
# The command is refused (status 1) in words that contain these.
refused() {
  local words=$1 said status=0; shift
  said=$("$@" 2>&1 > /dev/null) || status=$?
  echo "  refused: ${said##*: }"
  [[ $status == 1 && $said == *"$words"* ]]
}

# ---- Whatever happens

end() {
  local status=$?
  trap - EXIT
  if [[ $status != 0 ]]; then
    echo "NOT DONE: $step" >&2
    # The last words of each node.
    tail -v -n 3 */out >&2 2> /dev/null || true
  fi
  for name in "${!pids[@]}"; do kill -TERM "${pids[$name]}" 2> /dev/null || true; done
  wait
  if [[ -n ${temporary:-} ]]; then rm -rf "$temporary"; fi
  exit "$status"
}
trap end EXIT
trap 'exit 130' INT TERM

# ---- The life of the consortium

step "Keys" "Everybody makes their own and shows only certificates; banks also make one for a recovery share."
mkdir keys
for name in alpha beta gamma; do keygen $name --gen-enc-key; done
for name in regulator operator teller; do keygen $name; done
for role in bank regulator operator; do echo "{ \"role\": \"$role\" }" > keys/$role.json; done

step "Founding" "The operator starts the first node with the founders' certificates and the constitution they agreed on."
default=$samples/constitutions/default own=$samples/consortium/constitution
cat "$default/actions.js" "$own/roles.js" "$default/validate.js" "$own/resolve.js" "$default/apply.js" > constitution.js
bank() { echo "{ \"certificate_file\": \"../keys/$1_cert.pem\", \"encryption_public_key_file\": \"../keys/$1_enc_pubk.pem\", \"data_json_file\": \"../keys/bank.json\" }"; }
other() { echo "{ \"certificate_file\": \"../keys/$1_cert.pem\", \"data_json_file\": \"../keys/$1.json\" }"; }
start_node node0 "$coco" "{
  \"type\": \"Start\",
  \"service_certificate_file\": \"../service_cert.pem\",
  \"start\": {
    \"members\": [$(bank alpha), $(bank beta), $(bank gamma), $(other regulator), $(other operator)],
    \"constitution_files\": [\"../constitution.js\"],
    \"service_configuration\": { \"recovery_threshold\": 2 },
    \"initial_service_certificate_validity_days\": 90
  }
}"
wait_until "the node listens" test -s node0/rpc_addresses.json -a -s service_cert.pem
COCO_URL=$(url_of node0)
export COCO_URL COCO_SERVICE_CERT=service_cert.pem
wait_until "the service exists" get /node/ready/gov

step "Acknowledging" "Each founder compares the constitution with what was agreed on, and acknowledges the state: now it can speak."
get "/gov/service/constitution?api-version=2024-07-01" | cmp - constitution.js
for name in alpha beta gamma regulator operator; do gov $name ack; done

step "Opening" "Two of three banks open the service to users; the ledger can from now on be recovered by two banks together."
decide "alpha beta" transition_service_to_open
wait_until "the service is open" get /node/ready/app

step "A user" "Users are added by vote; the vote of the regulator, who may vote, does not count."
propose alpha Open set_user --cert keys/teller_cert.pem --data '{ "bank": "alpha" }'
vote alpha --for Open
vote regulator --for Open
vote gamma --for Accepted

step "A transaction" "The user writes with a claim that a receipt will prove, and is answered once it is committed."
printf 'Alpha owes Beta 10' > claim.txt
ask --cert keys/teller_cert.pem --key keys/teller_privk.pem -D headers.txt -o answer.json "$COCO_URL/app/log/public" \
  -H 'content-type: application/json' -H 'prefer: wait=30' \
  -d "{ \"id\": 1, \"msg\": \"$(cat claim.txt)\", \"record_claim\": true }"
transaction=$(sed -n 's/^x-ms-ccf-transaction-id: \([0-9.]*\).*/\1/p' headers.txt)
echo "  $(cat claim.txt): transaction $transaction"

step "More nodes" "The operator adds two nodes without a vote, as they run trusted code: now one of three may fail."
for name in node1 node2; do join_node $name "$coco"; admit_node $name; done

step "A bad proposal" "The constitution judges a proposal before it is sent: this new member would have no role."
keygen delta --gen-enc-key
delta="set_member --cert keys/delta_cert.pem --encryption-key keys/delta_enc_pubk.pem"
refused "member_data.role must be one of bank, regulator, operator" gov alpha propose --dry-run $delta

step "An unwanted proposal" "Gamma would have one bank alone recover the ledger; half of the banks against reject that."
propose gamma Open set_recovery_threshold --threshold 1
vote alpha --against Open
vote beta --against Rejected

step "A new member" "Delta made its keys itself. It is voted in, has no vote before it acknowledges the state, and then counts."
decide "alpha beta" $delta --data @keys/bank.json
propose alpha Open set_user_data --id keys/teller_cert.pem --data '{ "bank": "alpha", "limit": 100 }'
refused "401" gov delta vote "$proposal" --for
gov delta ack
for name in alpha beta; do vote $name --for Open; done
vote delta --for Accepted

step "A member leaves" "Three of four banks remove gamma; a new ledger secret keeps from it what is written from now on."
decide "alpha beta delta" remove_member --id keys/gamma_cert.pem
refused "401" gov gamma propose trigger_ledger_rekey

step "New code" "The operator has a new version, which differs in a byte. Nobody voted for it: a node of it is turned away."
cp "$coco" coco-2 && echo >> coco-2
join_node too-early "$PWD/coco-2"
is_turned_away too-early

step "Trusting it" "The banks look at the new code, each builds it, and they vote to trust its digest beside the old one."
old=$(digest_of "$coco") new=$(digest_of coco-2)
decide "alpha delta" add_virtual_host_data --host-data "$new"

step "Upgrade" "A node of new code is added before one of old code goes, which the banks vote on: never fewer than three nodes."
for number in 0 1 2; do
  leaving=node$number coming=node$((number + 3))
  join_node $coming "$PWD/coco-2"
  admit_node $coming
  id=$(id_of $leaving)
  # Votes on who agrees go to the primary itself: what it answers does not pass through a node that no longer hears it.
  COCO_URL=$(url_of_primary "${!pids[@]}")
  decide "alpha beta" remove_node --id "$id"
  COCO_URL=$(url_of $coming)
  wait_until "$leaving can be stopped" is_listed /node/network/removable_nodes "$id"
  stop_node $leaving
  wait_until "a primary leads" is_healthy
  ask -X DELETE -o answer.json "$COCO_URL/node/network/nodes/$id"
done

step "Trusting the old no longer" "The banks remove the digest of the old code: no node of it comes back."
decide "beta delta" remove_virtual_host_data --host-data "$old"
join_node too-late "$coco"
is_turned_away too-late

step "A receipt" "A node of new code proves to anyone what the user wrote under the old one; only the service's certificate is needed."
has_receipt() {
  local url="$COCO_URL/app/receipt?transaction_id=$transaction"
  [[ $(ask -o receipt.json -w '%{http_code}' "$url") == 200 ]]
}
wait_until "the receipt is there" has_receipt
"$coco" receipt verify receipt.json --service-cert service_cert.pem --transaction "$transaction" --claims claim.txt

if $stay; then
  step "Yours" "The service runs at $COCO_URL. Press Enter to end it."
  read -r || true
fi

step "The end" "The operator stops the nodes; each ends with what it has on disk."
last=$(get "/gov/service/transactions/commit?api-version=2024-07-01" | sed 's/.*"transactionId":"\([^"]*\)".*/\1/')
for name in node3 node4 node5; do stop_node $name; done

step "The audit" "The regulator verifies the whole ledger without anybody's help, up to the last transaction it was told of."
"$coco" ledger verify node5/ledger --service-cert service_cert.pem --at-least "$last"
"$coco" ledger show node5/ledger --table public:ccf.gov.proposals_info > decisions.txt
echo "  accepted    $(grep -c '"state": "Accepted"' decisions.txt) proposals, rejected $(grep -c '"state": "Rejected"' decisions.txt)"

printf '\nDone: all steps went as they say.\n'
