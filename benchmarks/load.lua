-- wrk -s load.lua URL -- PROMPTS FIRST: one JSON-escaped prompt a line; every request gets a text of its own.
local texts, sent = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    texts[#texts + 1] = line
  end
  sent = tonumber(arguments[2])
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer none"
end

function request()
  sent = sent + 1
  local text = texts[sent % #texts + 1] .. ", take " .. sent
  return wrk.format("POST", nil, nil, '{"model":"gpt-image-1","prompt":"' .. text .. '","size":"1024x1024"}')
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    'result {"requests":%d,"seconds":%f,"bytes":%d,"p50_ms":%f,"p99_ms":%f,"failed":%d,"refused":%d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    failed, errors.status
  ))
end
