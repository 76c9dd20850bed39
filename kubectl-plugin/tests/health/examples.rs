//! Scripts in Argo CD's style, written for kinds of which there are cases. Each uses something of the dialect that others do
//! not.

/// By `group/Kind`.
pub(crate) const SCRIPTS: &[(&str, &str)] = &[
    ("cert-manager.io/ClusterIssuer", ISSUER),
    ("external-secrets.io/ExternalSecret", EXTERNAL_SECRET),
    ("kafka.strimzi.io/Kafka", KAFKA),
    ("keda.sh/ScaledJob", SCALED_JOB),
    ("rds.aws.crossplane.io/DBInstance", MANAGED),
    ("bitnami.com/SealedSecret", SEALED_SECRET),
    ("route.openshift.io/Route", ROUTE),
    ("snapshot.storage.k8s.io/VolumeSnapshot", SNAPSHOT),
    ("argoproj.io/Experiment", EXPERIMENT),
    ("core.humio.com/HumioAlert", ALERT),
    ("pxc.percona.com/PerconaXtraDBCluster", DATABASE),
    ("opentelemetry.io/OpenTelemetryCollector", COLLECTOR),
    ("gloo.solo.io/Upstream", UPSTREAM),
    ("karpenter.sh/NodeClaim", CLAIM),
];

/// Globals, and a loop that returns.
const ISSUER: &str = r#"
hs = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for i, condition in ipairs(obj.status.conditions) do
    if condition.type == "Ready" then
      hs.status = condition.status == "True" and "Healthy" or "Degraded"
      hs.message = condition.message
      return hs
    end
  end
end
hs.status = "Progressing"
hs.message = "not looked at yet"
return hs
"#;

/// A function in a table, called as a method.
const EXTERNAL_SECRET: &str = r#"
local found = {}
function found:of(kind)
  for _, condition in ipairs(((obj.status or {}).conditions) or {}) do
    if condition.type == kind then
      self.condition = condition
      return true
    end
  end
  return false
end
if not found:of("Ready") then
  return { status = "Progressing", message = "waits" }
end
if found.condition.status == "True" then
  return { status = "Healthy", message = found.condition.message }
end
return { status = "Degraded", message = found.condition.message }
"#;

/// The length of a table, and counting.
const KAFKA: &str = r#"
local status = obj.status
if status == nil or #(status.conditions or {}) == 0 then
  return { status = "Progressing", message = "no condition" }
end
for i = 1, table.getn(status.conditions) do
  local condition = status.conditions[i]
  if condition.type == "NotReady" and condition.status == "True" then
    return { status = "Degraded", message = condition.message }
  end
end
return { status = "Healthy" }
"#;

/// Patterns of texts.
const SCALED_JOB: &str = r#"
local said = { status = "Progressing", message = "waits" }
for _, condition in pairs((obj.status or {}).conditions or {}) do
  if condition.type == "Ready" then
    if condition.status == "True" then
      said = { status = "Healthy", message = condition.message }
    else
      said = { status = "Degraded", message = condition.message }
    end
  elseif string.match(condition.type, "^Paus") and condition.status == "True" then
    return { status = "Suspended", message = condition.message }
  end
end
return said
"#;

/// One condition over another.
const MANAGED: &str = r#"
local ready, synced
for _, condition in ipairs((obj.status or {}).conditions or {}) do
  if condition.type == "Ready" then ready = condition end
  if condition.type == "Synced" then synced = condition end
end
if synced ~= nil and synced.status == "False" then
  return { status = "Degraded", message = synced.message }
end
if ready ~= nil and ready.status == "True" then
  return { status = "Healthy", message = ready.reason }
end
return { status = "Progressing", message = "waits for " .. obj.kind .. " " .. tostring(obj.metadata.name) }
"#;

/// Nested functions and closures.
const SEALED_SECRET: &str = r#"
local function any(list, is)
  for _, item in ipairs(list or {}) do
    if is(item) then return item end
  end
end
local synced = any(obj.status and obj.status.conditions, function(it) return it.type == "Synced" end)
if synced == nil then
  return { status = "Progressing", message = "waits to be decrypted" }
end
local is = { True = "Healthy", False = "Degraded" }
return { status = is[synced.status], message = synced.message or "" }
"#;

/// Lists in lists, and an early end of both.
const ROUTE: &str = r#"
local worst = nil
for _, router in ipairs((obj.status or {}).ingress or {}) do
  for _, condition in ipairs(router.conditions or {}) do
    if condition.type == "Admitted" then
      if condition.status == "False" then
        return { status = "Degraded", message = string.format("%s does not admit it", router.routerName) }
      elseif condition.status ~= "True" then
        worst = router.routerName
      end
    end
  end
end
if worst then
  return { status = "Progressing", message = worst .. " has not admitted it yet" }
end
return { status = "Healthy", message = "admitted" }
"#;

/// The clock, which must be there and must not matter.
const SNAPSHOT: &str = r#"
local os = require("os")
local status = obj.status or {}
if status.error then
  return { status = "Degraded", message = status.error.message }
end
if status.readyToUse == true then
  local year, month, day = string.match(status.creationTime or "2024-01-01", "(%d+)-(%d+)-(%d+)")
  local made = os.time({ year = year, month = month, day = day })
  if os.time() < made then
    return { status = "Unknown", message = "made in the future: " .. os.date("!%Y-%m-%d", made) }
  end
  return { status = "Healthy", message = "ready to use" }
end
return { status = "Progressing", message = "waits" }
"#;

/// A table of answers, and `unpack`.
const EXPERIMENT: &str = r#"
local answers = {
  Pending = { "Progressing", "is pending" },
  Running = { "Progressing", "is running" },
  Successful = { "Healthy", "was successful" },
  Failed = { "Degraded", "failed" },
  Error = { "Degraded", "had an error" },
}
local phase = obj.status and obj.status.phase
local status, words = unpack(answers[phase] or { "Progressing", "has no phase" })
return { status = status, message = "the experiment " .. words }
"#;

/// A message that is computed, and numbers in it.
const ALERT: &str = r#"
local state = obj.status and obj.status.state
local all = { Exists = "Healthy", NotFound = "Missing", ConfigError = "Degraded", Unknown = "Unknown" }
local count = 0
for _ in pairs(all) do count = count + 1 end
local message = ("%s is one of %d states"):format(state or "no state", count)
return { status = all[state] or "Progressing", message = message }
"#;

/// Arithmetic over counts that may be missing.
const DATABASE: &str = r#"
local status = obj.status or {}
local ready, size = tonumber(status.ready) or 0, tonumber(status.size) or 0
local share = size > 0 and math.floor(100 * ready / size) or 0
local message = ready .. " of " .. size .. " (" .. share .. " %)"
if status.state == "ready" then return { status = "Healthy", message = message } end
if status.state == "initializing" then return { status = "Progressing", message = message } end
if status.state == "error" or status.state == "stopping" then
  return { status = "Degraded", message = table.concat(status.message or {}, "; ") }
end
return { status = "Unknown", message = message }
"#;

/// A `goto`, which only the dialect of Argo CD has beside what else is of Lua 5.1.
const COLLECTOR: &str = r#"
local said = { status = "Progressing", message = "waits" }
local ready, all
if obj.spec.mode == "sidecar" then
  said.status = "Healthy"
  goto done
end
ready, all = string.match(((obj.status or {}).scale or {}).statusReplicas or "", "(%d+)/(%d+)")
if ready == nil then goto done end
if ready == all then
  said.status = "Healthy"
elseif tonumber(ready) == 0 then
  said.status = "Degraded"
end
said.message = ready .. " of " .. all
::done::
return said
"#;

/// Keys that are sorted, so that the first of several is always the same.
const UPSTREAM: &str = r#"
local spaces, names = (obj.status or {}).statuses or { [""] = obj.status }, {}
for name in pairs(spaces) do table.insert(names, name) end
table.sort(names)
for _, name in ipairs(names) do
  local one = spaces[name]
  local state = one.state
  if state == 2 or state == "Rejected" or state == 3 or state == "Warning" then
    return { status = "Degraded", message = one.reason }
  elseif state == 0 or state == "Pending" then
    return { status = "Suspended", message = "not validated yet" }
  elseif state == 1 or state == "Accepted" then
    return { status = "Healthy", message = "validated" }
  end
end
return { status = "Progressing", message = "not looked at yet" }
"#;

/// Errors that are caught.
const CLAIM: &str = r#"
local ok, conditions = pcall(function() return obj.status.conditions end)
local of = setmetatable({}, { __index = function() return { status = "Unknown" } end })
for _, condition in ipairs(ok and conditions or {}) do
  of[condition.type] = condition
end
if of.Disrupting.status == "True" then
  return { status = "Suspended", message = of.Disrupting.message }
elseif of.Ready.status == "True" then
  return { status = "Healthy", message = of.Ready.message }
elseif of.Ready.status == "False" then
  return { status = "Degraded", message = of.Ready.message }
end
return { status = "Progressing", message = "on its way" }
"#;
