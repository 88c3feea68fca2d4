-- The readable view of a lane. Every call gets the lane's base key; all keys of a lane share its hash tag.
-- `redis_keys.py` puts the names of the layout in front: CUSTOMER, TOKEN, PARTS ... of keys, READ and WRITE of functions.
-- What is written depends on the token alone, so a call may be sent twice.

-- How many entries all indexes have: kept by each write, and different as soon as one of them is lost.
local function counts(base)
  local due = redis.call('ZCARD', base .. DUE)
  for _, clock_id in ipairs(redis.call('SMEMBERS', base .. CLOCKS)) do
    due = due + redis.call('ZCARD', base .. DUE .. clock_id)
  end
  local found = { due, redis.call('ZCARD', base .. IDS), redis.call('SCARD', base .. ALIASES) }
  for _, name in ipairs({ MODELS, DEFINITIONS, ERASED, SIZES }) do
    found[#found + 1] = redis.call('HLEN', base .. name)
  end
  found[#found + 1] = redis.call('EXISTS', base .. LEDGER)
  return table.concat(found, ' ')
end

local function is_whole(base)
  return (redis.call('GET', base .. COUNTS) or '0 0 0 0 0 0 0 0') == counts(base)
end

-- args: limit, number of clocks, (clock_id, clock)..., ids...
-- gives: token or "", due ids, count of customers, 1 if no index has lost anything, then for every id its parts as a
-- flat list (empty: no such customer; 1: there is one, and its parts are gone)
local function read(keys, args)
  local base, limit, at = keys[1], tonumber(args[1]), 3
  local due = {}
  for _ = 1, tonumber(args[2]) do
    local room = limit - #due
    if room > 0 then
      local ripe = redis.call('ZRANGEBYSCORE', base .. DUE .. args[at], '-inf', args[at + 1], 'LIMIT', 0, room)
      for _, id in ipairs(ripe) do due[#due + 1] = id end
    end
    at = at + 2
  end
  local answer = { redis.call('GET', base .. TOKEN) or '', due, redis.call('ZCARD', base .. IDS), is_whole(base) and 1 or 0 }
  for index = at, #args do
    local parts = redis.call('HGETALL', base .. PARTS .. args[index])
    if #parts == 0 then
      local id = args[index]
      if redis.call('ZSCORE', base .. IDS, id) or redis.call('SISMEMBER', base .. ALIASES, id) == 1 then parts = 1 end
    end
    answer[#answer + 1] = parts
  end
  return answer
end

-- args: expected token ("" none), token, ledger ("" keep), count of sizes, (name, size)..., count of models,
-- (version, body)..., count of definitions, (version, text)..., count of erases, (hash, mark or "")...,
-- count of closed clocks, clock_id..., then customers:
-- id, kind ("d" delete, "p" parts only, "a" the same of an alias, "n" new, "u" update), document, clock_id, due ("" none), count, (part, bytes)...
local function write(keys, args)
  local base = keys[1]
  local current = redis.call('GET', base .. TOKEN) or ''
  if current ~= args[1] then
    return current == args[2] and 1 or 0
  end
  if current ~= '' and not is_whole(base) then return 0 end
  local at = 4
  local sizes = tonumber(args[at])
  if args[3] ~= '' then
    redis.call('SET', base .. LEDGER, args[3])
    redis.call('DEL', base .. SIZES)
  end
  at = at + 1
  for _ = 1, sizes do
    redis.call('HSET', base .. SIZES, args[at], args[at + 1])
    at = at + 2
  end
  for _, name in ipairs({ MODELS, DEFINITIONS, ERASED }) do
    local bodies = tonumber(args[at])
    at = at + 1
    for _ = 1, bodies do
      if args[at + 1] == '' then
        redis.call('HDEL', base .. name, args[at])
      else
        redis.call('HSET', base .. name, args[at], args[at + 1])
      end
      at = at + 2
    end
  end
  local closed = tonumber(args[at])
  at = at + 1
  local first_closed = at
  at = at + closed
  local clock_ids = redis.call('SMEMBERS', base .. CLOCKS)
  local known = {}
  for _, clock_id in ipairs(clock_ids) do known[clock_id] = true end
  while at <= #args do
    local id, kind, document, clock_id, due, parts = args[at], args[at + 1], args[at + 2], args[at + 3], args[at + 4], tonumber(args[at + 5])
    at = at + 6
    if kind == 'd' then
      redis.call('DEL', base .. CUSTOMER .. id, base .. PARTS .. id)
      redis.call('ZREM', base .. IDS, id)
      redis.call('SREM', base .. ALIASES, id)
      redis.call('ZREM', base .. DUE, id)
      for _, other in ipairs(clock_ids) do redis.call('ZREM', base .. DUE .. other, id) end
    else
      for _ = 1, parts do
        redis.call('HSET', base .. PARTS .. id, args[at], args[at + 1])
        at = at + 2
      end
      if kind == 'a' then
        redis.call('SADD', base .. ALIASES, id)
      elseif kind ~= 'p' then
        redis.call('SET', base .. CUSTOMER .. id, document)
        if kind == 'n' then
          redis.call('ZADD', base .. IDS, 0, id)
          redis.call('SREM', base .. ALIASES, id)
        end
        if clock_id ~= '' and not known[clock_id] then
          redis.call('SADD', base .. CLOCKS, clock_id)
          known[clock_id] = true
          clock_ids[#clock_ids + 1] = clock_id
        end
        -- A customer is due by one clock only; there are others only while an import is open.
        if #clock_ids > 0 then
          if clock_id ~= '' then redis.call('ZREM', base .. DUE, id) end
          for _, other in ipairs(clock_ids) do
            if other ~= clock_id then redis.call('ZREM', base .. DUE .. other, id) end
          end
        end
        if due ~= '' then
          redis.call('ZADD', base .. DUE .. clock_id, due, id)
        else
          -- Also for new ones: a restore does not know what the view held, and calls everybody new.
          redis.call('ZREM', base .. DUE .. clock_id, id)
        end
      end
    end
  end
  for index = first_closed, first_closed + closed - 1 do
    local gone = base .. DUE .. args[index]
    redis.call('ZUNIONSTORE', base .. DUE, 2, base .. DUE, gone, 'AGGREGATE', 'MIN')
    redis.call('DEL', gone)
    redis.call('SREM', base .. CLOCKS, args[index])
  end
  redis.call('SET', base .. TOKEN, args[2])
  redis.call('SET', base .. COUNTS, counts(base))
  return 1
end

redis.register_function { function_name = READ, callback = read, flags = { 'no-writes' } }
redis.register_function(WRITE, write)
