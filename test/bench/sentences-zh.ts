/** What the benchmarks say, with `#` for each number; `{1}` is the first number of the English sentence. */
export const sentences: Readonly<Record<string, string>> = {
  '# cores, linux x64': '{1} 核，linux x64',

  'One reader at # MB/s of a # GiB blob: growth over the idle size':
    '一个读者以 {1} MB/s 读取 {2} GiB 的 blob：比空闲时增加的内存',
  '# such readers: size of the whole process': '{1} 个这样的读者：整个进程的内存',
  'plain https.get: # MB': '普通的 https.get：{1} MB',
  "The redirect to the object store is followed (`HANDLE_REDIRECT=true`), all of it over TLS. The idle size is that of a fresh process that has answered one ping; the highest size is the kernel's high-water mark. One reader reads the whole blob, the # read for # s (`yarn bench --full memory` reads the whole # GiB).":
    '跟随指向对象存储的重定向（`HANDLE_REDIRECT=true`），全部使用 TLS。空闲时的大小是刚启动、只应答过一次 ping 的进程的大小；最大值取内核记录的峰值。单个读者读完整个 blob，{1} 个读者读取 {2} s（`yarn bench --full memory` 读完整个 {3} GiB）。',

  'A reader leaves in the middle of a body that flows: slowest of # until the upstream connection is closed':
    '读者在内容传输途中离开：到上游连接关闭为止，{1} 次中最慢的',
  'A reader leaves in the middle of a body that the reader has stopped taking: slowest of # until the upstream connection is closed':
    '读者停止接收之后在中途离开：到上游连接关闭为止，{1} 次中最慢的',
  'A reader leaves before the head has come: slowest of # until the upstream connection is closed':
    '读者在响应头到达之前离开：到上游连接关闭为止，{1} 次中最慢的',
  'plain https.get: # ms': '普通的 https.get：{1} ms',
  'plain https.get: still open after # s': '普通的 https.get：{1} s 后仍未关闭',
  'Time is taken from the moment the reader closes its connection to the moment the upstream sees its own connection closed.':
    '计时从读者关闭连接开始，到上游看到自己的连接关闭为止。',

  "One blob of # GiB served by the registry: speed, as a part of plain https.get's":
    '仓库自己发送一个 {1} GiB 的 blob：速度，与普通的 https.get 之比',
  "One blob of # GiB behind a redirect that the proxy follows: speed, as a part of plain https.get's":
    '在重定向之后、由代理跟随的一个 {1} GiB 的 blob：速度，与普通的 https.get 之比',
  "The same: CPU time for each GiB, as a multiple of plain https.get's":
    '同上：每 GiB 的 CPU 时间，与普通的 https.get 之比',
  'proxy # Gbit/s, plain https.get # Gbit/s': '代理 {1} Gbit/s，普通的 https.get {2} Gbit/s',
  'proxy # Gbit/s, plain https.get # Gbit/s, nginx # Gbit/s':
    '代理 {1} Gbit/s，普通的 https.get {2} Gbit/s，nginx {3} Gbit/s',
  'proxy # s, plain https.get # s': '代理 {1} s，普通的 https.get {2} s',
  'proxy # s, plain https.get # s, nginx # s': '代理 {1} s，普通的 https.get {2} s，nginx {3} s',
  "# rounds; in each round everybody fetches the blob once, in turns, over one TLS connection of their own that is already open. The ratio is the median of the rounds' ratios, so that what else the machine does weighs on both sides.":
    '{1} 轮；每一轮中各方轮流把 blob 获取一次，各用一个自己的、已经建立的 TLS 连接。比值取各轮比值的中位数，因此机器上的其他活动对双方影响相同。',

  'HEAD of a manifest by its tag: requests a second': '按标签对清单发 HEAD：每秒请求数',
  'Ping: requests a second': 'Ping：每秒请求数',
  'The same: CPU time for each request': '同上：每个请求的 CPU 时间',
  'Token requests upstream for # parallel pulls of one image': '同时拉取同一个镜像 {1} 次时，向上游请求令牌的次数',
  'distribution #/s (# ×), nginx #/s (# ×)': 'distribution {1}/s（{2} ×），nginx {3}/s（{4} ×）',
  'distribution # µs (# ×), nginx # µs (# ×)': 'distribution {1} µs（{2} ×），nginx {3} µs（{4} ×）',
  'distribution #': 'distribution {1}',
  "A process of its own asks over # connections that stay open, one request after the other on each: # rounds of # s, all in turns. The registry is on loopback over TLS and wants a Bearer token, for which its token server wants a login; both processes share the machine with the one that is measured. The proxy has that login (`REGISTRY_USERNAME`, `ANONYMOUS_PULL=true`). distribution (Debian's docker-registry) is a pull-through cache with the same login, and nginx, one worker, shows a token that never ends. Nobody logs requests. In brackets: the proxy's figure as a multiple of the other's, the median of the rounds' ratios.":
    '由单独的进程通过 {1} 个保持打开的连接发出请求，每个连接上一个接一个：{2} 轮，每轮 {3} s，各方轮流。仓库在回环地址上使用 TLS，要求 Bearer 令牌，其令牌服务器要求登录；这两个进程与被测进程在同一台机器上。代理持有该登录（`REGISTRY_USERNAME`、`ANONYMOUS_PULL=true`）。distribution（Debian 的 docker-registry）是使用同一登录的拉取缓存；nginx 只有一个 worker，出示一个永不过期的令牌。各方都不记录请求日志。括号里是代理的数字与对方之比，取各轮比值的中位数。',
  'For a HEAD by tag all three ask the registry, distribution with a token of its own for each. A ping is answered by the proxy and by distribution themselves; nginx asks the registry. A parallel pull is HEAD of the tag, then GET of manifest, configuration and layer, from an instance that has just started; the token server takes # ms.':
    '对于按标签的 HEAD，三者都要询问仓库，distribution 每次还要取一个自己的令牌。ping 由代理和 distribution 自己应答；nginx 询问仓库。同时拉取是指先对标签发 HEAD，再 GET 清单、配置和层，面对的是刚启动的实例；令牌服务器每次需要 {1} ms。',

  'Start to first answer, as a multiple of a bare node:http server':
    '从启动到第一个应答，与最简单的 node:http 服务器之比',
  'Start to first proxied answer, as a multiple of a bare node:http server':
    '从启动到第一个转发的应答，与最简单的 node:http 服务器之比',
  'Size of dist/bundle.js': 'dist/bundle.js 的大小',
  'own page # ms, bare node:http # ms, express + http-proxy-middleware # ms (# ×)':
    '自己的页面 {1} ms，最简单的 node:http {2} ms，express + http-proxy-middleware {3} ms（{4} ×）',
  'proxied # ms, plain https.get, proxied # ms': '转发 {1} ms，用普通的 https.get 转发 {2} ms',
  '# KB with gzip': 'gzip 后 {1} KB',
  'Median of # starts, all variants in turns, without a code cache, with an empty environment: `NODE_EXTRA_CA_CERTS` and V8 flags slow every start. The first proxied answer comes from a registry on loopback over plain HTTP.':
    '取 {1} 次启动的中位数，各种程序轮流，不用代码缓存，环境变量为空：`NODE_EXTRA_CA_CERTS` 和 V8 参数会让每次启动变慢。第一个转发的应答来自回环地址上使用明文 HTTP 的仓库。',
  'What fills the bundle:': '构建产物的组成：',

  '# pulls, every blob cut once at a random point: failed': '{1} 次拉取，每个 blob 在随机位置中断一次：失败',
  '# pulls, every blob cut once at a random point: wrong bytes': '{1} 次拉取，每个 blob 在随机位置中断一次：字节错误',
  'plain https.get: #': '普通的 https.get：{1}',
  'Blobs of # to # MB behind a redirect, half of the pulls one after the other, half in four lanes. A third of the cuts each is a connection closed, one reset, and one ended politely inside the body. A pull has failed when it does not end with as many bytes as its head promised; the digest is checked on the others.':
    '{1} 到 {2} MB 的 blob，在重定向之后；一半的拉取依次进行，一半分四路同时进行。中断的方式各占三分之一：关闭连接、重置连接、在内容中途正常结束。结束时的字节数少于响应头所承诺的，算作失败；其余的检查摘要。',

  '# clients pull one cold image of # MB at once: bytes from the registry, as a multiple of the image':
    '{1} 个客户端同时拉取一个 {2} MB 的未缓存镜像：来自仓库的字节数，与镜像大小之比',
  'The same: until the last client is done, as a multiple of one pull alone':
    '同上：到最后一个客户端完成为止，与单独拉取一次之比',
  'distribution # ×': 'distribution {1} ×',
  'proxy # s, alone # s; distribution # s, alone # s (# ×)':
    '代理 {1} s，单独 {2} s；distribution {3} s，单独 {4} s（{5} ×）',
  'The registry sends # MB/s over all its connections together, as a link of # Mbit/s would. Each client pulls as containerd does, three layers at a time; each pull alone and each crowd meets a cache that has just been started, with an empty folder on disk. Bytes: the worst of # rounds; time: the median. distribution is measured once, as it takes minutes.':
    '仓库的所有连接合计发送 {1} MB/s，相当于 {2} Mbit/s 的线路。每个客户端像 containerd 那样拉取，一次三层；每次单独拉取和每次同时拉取，面对的都是刚启动、磁盘目录为空的缓存。字节数取 {3} 轮中最差的，时间取中位数。distribution 需要好几分钟，只测一次。',

  "Cold pull of one layer of # MB into a cache on disk, each connection to the registry limited to # MB/s: speed, as a multiple of distribution's":
    '把一个 {1} MB 的未缓存的层拉取到磁盘缓存，到仓库的每个连接限制为 {2} MB/s：速度，与 distribution 之比',
  "Cold pull of one layer of # MB without a cache, each connection to the registry limited to # MB/s: speed, as a multiple of distribution's":
    '没有缓存时拉取一个 {1} MB 的层，到仓库的每个连接限制为 {2} MB/s：速度，与 distribution 之比',
  'proxy # s, distribution # s; bytes from the registry # × and # × the image':
    '代理 {1} s，distribution {2} s；来自仓库的字节数分别是镜像的 {3} × 和 {4} ×',
  '`DOWNLOAD_CONNECTIONS=#`; the registry honours `Range`. The digest of what came is checked by the reader.':
    '`DOWNLOAD_CONNECTIONS={1}`；仓库支持 `Range`。读者检查收到内容的摘要。',

  "From disk, a whole layer: bytes for each second of CPU, as a multiple of distribution's":
    '来自磁盘，整层：每秒 CPU 时间的字节数，与 distribution 之比',
  "From disk, parts of # MB: bytes for each second of CPU, as a multiple of distribution's":
    '来自磁盘，每段 {1} MB：每秒 CPU 时间的字节数，与 distribution 之比',
  'The same: bytes a second': '同上：每秒字节数',
  "From disk, GET of a manifest by its digest: requests a second, as a multiple of distribution's":
    '来自磁盘，按摘要 GET 清单：每秒请求数，与 distribution 之比',
  "From disk, GET of a manifest by its tag: requests a second, as a multiple of distribution's":
    '来自磁盘，按标签 GET 清单：每秒请求数，与 distribution 之比',
  "From disk, HEAD of a manifest by its digest: requests a second, as a multiple of distribution's":
    '来自磁盘，按摘要对清单发 HEAD：每秒请求数，与 distribution 之比',
  "From disk, HEAD of a manifest by its tag: requests a second, as a multiple of distribution's":
    '来自磁盘，按标签对清单发 HEAD：每秒请求数，与 distribution 之比',
  'proxy # MB, distribution # MB; ratio # (#–#)': '代理 {1} MB，distribution {2} MB；比值 {3}（{4}–{5}）',
  'proxy # MB/s, distribution # MB/s; ratio # (#–#)': '代理 {1} MB/s，distribution {2} MB/s；比值 {3}（{4}–{5}）',
  'proxy # /s, distribution # /s; ratio # (#–#)': '代理 {1} /s，distribution {2} /s；比值 {3}（{4}–{5}）',
  "# rounds, all in turns, of a layer of # MB: whole # times, and as often in parts, each over a connection of its own. Small requests come over # connections that stay open. CPU is what the kernel says of the process (user and system). The ratio is the median of the rounds' ratios, with the lowest and highest in brackets. For a tag distribution asks the registry each time; the proxy does once in `CACHE_TAG_TTL`.":
    '{1} 轮，各方轮流，层的大小为 {2} MB：整层 {3} 次，分段同样多次，每次用一个单独的连接。小的请求通过 {4} 个保持打开的连接发出。CPU 时间取内核对该进程的统计（用户态和内核态）。比值取各轮比值的中位数，括号里是最低和最高。对于标签，distribution 每次都询问仓库；代理在 `CACHE_TAG_TTL` 之内只询问一次。',

  'First byte of a cold blob, as a multiple of asking the registry itself':
    '未缓存的 blob 的首字节，与直接向仓库请求之比',
  '# cold blobs of # GiB at once: growth over the idle size':
    '同时获取 {1} 个 {2} GiB 的未缓存的 blob：比空闲时增加的内存',
  'proxy # ms, registry # ms, distribution # ms (# ×)': '代理 {1} ms，仓库 {2} ms，distribution {3} ms（{4} ×）',
  'distribution # MB; # s and # s': 'distribution {1} MB；用时 {2} s 和 {3} s',
  "First byte: each of the blobs is asked for once, in turns with everybody else; the registry takes # ms for every answer, as one does that is not next door. Memory: one reader a blob, as fast as it comes; the idle size is that of a fresh process that has answered one ping, the highest size is the kernel's high-water mark.":
    '首字节：每个 blob 请求一次，各方轮流；仓库每次应答需要 {1} ms，就像不在附近的仓库那样。内存：每个 blob 一个读者，尽快读取；空闲时的大小是刚启动、只应答过一次 ping 的进程的大小，最大值取内核记录的峰值。',

  "# processes get the same cold image of # MiB at once, with one object store: bytes that the registry sends, as a multiple of the image's":
    '{1} 个进程共用一个对象存储，同时获取同一个 {2} MiB 的未缓存镜像：仓库发送的字节数，与镜像大小之比',
  'The same: time until all have it, as a part of what it takes without a store in common':
    '同上：到全部进程都得到为止的时间，与不共用存储时之比',
  'CACHE=memory: # ×': 'CACHE=memory：{1} ×',
  '# (#–#) s, CACHE=memory: # (#–#) s': '{1}（{2}–{3}）s，CACHE=memory：{4}（{5}–{6}）s',
  '# rounds. The registry sends over a link of # MiB/s that all processes share; object store, clients and processes are on this machine. The object store is that of the tests.':
    '{1} 轮。仓库通过所有进程共用的 {2} MiB/s 线路发送；对象存储、客户端和各进程都在这台机器上。对象存储是测试所用的那一个。',

  '# clients for # s, # faults of the registry, # pulls: failed':
    '{1} 个客户端，持续 {2} s，仓库出错 {3} 次，拉取 {4} 次：失败',
  'The same: whole answers with wrong bytes': '同上：内容完整但字节错误的应答',
  'The same: times that a client had to begin a part of an image again': '同上：客户端不得不重新获取镜像某一部分的次数',
  'distribution # of #': 'distribution {1}（共 {2}）',
  '# %; distribution # (# %)': '{1} %；distribution {2}（{3} %）',
  'The registry answers #, #, #, # or nothing, resets, cuts, stalls, is slow, sends a wrong byte, too few, too many, no length, the whole for a part, another part, another size, another body: four of ten answers are bad, at most four for one thing. Clients ask again after # and # and go on after a cut as containerd does, and begin each part of an image again up to four times, as docker does with layers and Kubernetes with pulls. Each hashes all it gets; some leave early, some read parts. The cache has room for # MB. distribution is watched for # s.':
    '仓库返回 {1}、{2}、{3}、{4} 或不应答，重置、中断、停顿、缓慢，发送错误的字节、过少或过多的字节、不带长度，要一部分却给全部、给另一部分、另一个大小、另一个内容：十个应答中有四个是坏的，同一项内容最多四次。客户端在 {5} 和 {6} 之后重试，中断后像 containerd 那样继续，镜像的每一部分最多重新获取四次，就像 docker 对层、Kubernetes 对拉取那样。每个客户端对得到的全部内容计算哈希；有的提前离开，有的只读一部分。缓存的空间为 {7} MB。对 distribution 观察 {8} s。',

  'A blob of # MB, relayed, watched: CPU time of workerd beyond that of a pass-through Worker':
    '{1} MB 的 blob，转发，监视：workerd 的 CPU 时间比直通的 Worker 多出',
  'A blob of # MB, relayed, direct: CPU time of workerd beyond that of a pass-through Worker':
    '{1} MB 的 blob，转发，直接：workerd 的 CPU 时间比直通的 Worker 多出',
  'A blob of # MB, relayed and kept in R2, watched: CPU time of workerd beyond that of a pass-through Worker':
    '{1} MB 的 blob，转发并存入 R2，监视：workerd 的 CPU 时间比直通的 Worker 多出',
  'A blob of # MB, from R2, watched: CPU time of workerd beyond that of a pass-through Worker':
    '{1} MB 的 blob，来自 R2，监视：workerd 的 CPU 时间比直通的 Worker 多出',
  'The same: bytes a second, as a multiple of a pass-through Worker': '同上：每秒字节数，与直通的 Worker 之比',
  'GET of a manifest by its tag, relayed: requests a second, as a multiple of a pass-through Worker':
    '按标签 GET 清单，转发：每秒请求数，与直通的 Worker 之比',
  'A slow reader of a blob, relayed: growth of workerd over the idle size':
    '缓慢读取 blob 的读者，转发：workerd 比空闲时增加的内存',
  'A slow reader of a blob, relayed and kept in R2: growth of workerd over the idle size':
    '缓慢读取 blob 的读者，转发并存入 R2：workerd 比空闲时增加的内存',
  'Size of worker.js': 'worker.js 的大小',
  'Start of the module, as `wrangler check startup` profiles it': '模块的启动，由 `wrangler check startup` 测得',
  'Worker # ms, # of them its own, pass-through # ms, # of them its own; difference # (#–#)':
    'Worker {1} ms，其中自身 {2}；直通 {3} ms，其中自身 {4}；相差 {5}（{6}–{7}）',
  'Worker # MB/s, pass-through # MB/s; ratio # (#–#)': 'Worker {1} MB/s，直通 {2} MB/s；比值 {3}（{4}–{5}）',
  'Worker # /s, pass-through # /s; ratio # (#–#)': 'Worker {1} /s，直通 {2} /s；比值 {3}（{4}–{5}）',
  'pass-through # MB': '直通 {1} MB',
  '# KiB with gzip, of which the free plan takes # MB': 'gzip 后 {1} KiB，免费套餐最多接受 {2} MB',
  '# (#–#); Cloudflare takes modules of up to # ms': '{1}（{2}–{3}）；Cloudflare 接受不超过 {4} ms 的模块',
  "# rounds in turns, over plain HTTP; a registry without tokens or redirects. CPU is what the kernel says of the process (user and system), to # ms, and holds what workerd itself does: a pass-through Worker runs for the head alone, so what is beyond it is the closest there is to what Cloudflare counts as the CPU time of a request, and above all what is not the kernel's work (“its own”). Watched is what a Worker does with `MAX_SUBREQUESTS=#`, as on the paid plan; direct what it does with large bodies on the free plan. R2 is the simulator's, which runs in the same workerd and takes most of the time and of the memory there, for both alike. Memory: one reader takes # MB/s for # s of what comes a hundred times as fast; the highest size is the kernel's high-water mark. Small requests come over # connections that stay open.":
    '{1} 轮，轮流进行，使用明文 HTTP；仓库没有令牌和重定向。CPU 时间取内核对该进程的统计（用户态和内核态），精确到 {2} ms，其中包括 workerd 自己的工作：直通的 Worker 只为响应头运行，因此超出它的部分最接近 Cloudflare 所计的单个请求的 CPU 时间，尤其是不属于内核工作的部分（“自身”）。“监视”是设置 `MAX_SUBREQUESTS={3}` 时的做法，即付费套餐；“直接”是免费套餐上对大的内容的做法。R2 由模拟器提供，它运行在同一个 workerd 里，占去那里的大部分时间和内存，对双方相同。内存：一个读者以 {4} MB/s 读取 {5} s，而内容以一百倍的速度到达；最大值取内核记录的峰值。小的请求通过 {6} 个保持打开的连接发出。',
};
