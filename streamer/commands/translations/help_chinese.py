"""命令的帮助，简体中文。"""

from __future__ import annotations

from typing import Final

from streamer.commands.translations.help_evaluate_chinese import EVALUATE
from streamer.commands.translations.help_learn_chinese import LEARN
from streamer.commands.translations.help_plays_chinese import PLAYS

COMMANDS: Final = {
    **LEARN,
    **PLAYS,
    "": """随客户行为实时变化的客户分群：事件从 Kafka 进，特征存 Redis，分群变化发布到 Kafka。

在本机一次看全：  streamer demo

逐步运行：  streamer up，  streamer worker，  streamer publish order --customer 17 --total 59.90，  streamer watch

查看某个命令的帮助：  streamer help segments preview
""",
    "demo": """一条命令看全貌：启动 Kafka、Valkey、worker、模型管理进程和模拟店铺。

先用半分钟重放店铺最近 180 天的历史，形成分群和行为聚类；之后客户实时活动。无需安装或配置。运行结果保留到下次
演示，或者到您导入自己的文件为止，届时会被清除；如果其中有您自己的客户，数据不会删除。

控制台的地址会打印出来。同时可以在另一个终端运行：`streamer watch`，`streamer publish order --customer me --total 59.90`

示例：  streamer demo --seconds 60
""",
    "bench": """测量本机每秒能处理多少事件，内存能容纳多少客户。

在临时文件夹中启动单独的 Kafka 和 Valkey，写入模拟店铺的历史，由一个 worker 处理。不会动到您的服务、服务器设置和
数据；如果同时有服务在忙，结果会偏小。

示例：  streamer bench
""",
    "up": """启动内置的 Kafka 和 Valkey，一直运行到 `streamer down`。

数据保存在 STREAMER_HOME，重启不丢。已在运行时只显示地址。

加上 --all，服务本身也留在后台，每个角色一个进程：worker、模型管理进程、发送消息的 `act`、提供控制台的
`web`（会打印链接）。进程结束后自动重启；日志都写入 STREAMER_HOME/service.log。

示例：  streamer up && streamer worker
""",
    "down": """停止由 `streamer up` 启动的 Kafka 和 Valkey，以及 `streamer up --all` 启动的服务，保留数据。

示例：  streamer down
""",
    "status": """显示服务状态：服务器、主题、积压、客户数，以及每条记录是否都有去向。

没有服务器在运行或有通道停下时，退出码为 1。

示例：  streamer status --json
""",
    "worker": """运行 worker，直到 Ctrl-C 或 SIGTERM。缺少的主题会先创建。

`--role lanes` 的 worker 最多与通道数相同，可分布在多台机器；`--role owner` 运行一两个，第二个待命。
指标在 http://127.0.0.1:9464/metrics。

示例：  streamer worker --role lanes
""",
    "import": """导入历史事件，并等待全部处理完。

有 worker 在运行就用它，否则临时启动一个。导入产生的变化起因为 `backfill`，不会触发自动营销。中断后用同一命令
续传；已完整导入的文件会被拒绝。

没有给出映射时，会先建议一个并列出合计金额，由您确认。`--check` 通读文件并用另一种方法核对合计，不导入；`--html`
把核对结果写成网页。`--undo` 撤回该文件的订单（见 docs/wrong-file.md）。

示例：  streamer import orders_export.csv --mapping shopify
""",
    "replay": """不用 Kafka 和 Redis，直接对事件文件做决策，报告分群和变化。

决策逻辑与服务完全相同；聚类按数据中的日期边放边学，同一文件每次结果相同。不保存任何状态。

示例：  streamer replay online_retail.csv.gz --format online-retail --until 2012-06-01
""",
    "report": """报告一段时间内各分群的客户、变动及原因，以及收入分布。

页面自带图表，不加载任何外部内容，可以发给别人，也可以在手机上阅读。

示例：  streamer report --html report.html
""",
    "shop": """模拟店铺：已知类型的客户浏览、购买、退货、沉默。

先导入历史，再实时活动。已导入过的店铺（同一天、同样的参数）直接开始实时活动。需要有 worker 在运行：
`streamer worker`。

示例：  streamer shop --customers 5000 --days 180 --rate 200 --late 0.01 --duplicates 0.01
""",
    "act": """发送已启动的营销计划的消息，直到 Ctrl-C 或 SIGTERM。

只有一个进程发送，第二个待命。用 `streamer plays start` 启动营销计划。

示例：  streamer act
""",
    "web": """提供控制台、HTTP API 和消息中链接所指向的网页，直到 Ctrl-C。

如果已在运行，加 --open 只生成一个新链接。请在前面配置 TLS：见 docs/plays.md。

示例：  streamer web --open
""",
    "watch": """实时跟踪已发布的分群变化，直到 Ctrl-C。

--json 每行输出一条变化，与主题中的内容一致。

示例：  streamer watch --segmentation lifecycle --to at_risk
""",
    "parity": """重放每条通道的日志，与已发布的变化和计数比对：应为 0 处差异。

有差异时退出码为 1。因保留期而删除的事件无法重放；日志不完整的通道会列出并跳过。

示例：  streamer parity
""",
    "doctor": """检查配置及其来源、连接、版本、时钟、主题、积压和死信，说明问题和解决办法。

有问题时退出码为 1；“提示”仅供了解。不显示密钥。

示例：  streamer doctor
""",
    "help": """显示程序、命令组或命令的帮助。

示例：  streamer help segments preview
""",
    "version": """显示版本。

示例：  streamer version
""",
    "topics": """创建主题，检查主题的问题。

示例：  streamer topics check
""",
    "topics create": """创建缺少的主题；已有的主题不变。

示例：  streamer topics create --lanes 8 --replication 3
""",
    "topics check": """检查主题的问题并说明解决办法。有问题时退出码为 1。

示例：  streamer topics check --fix
""",
    "keys": """为控制记录签名的密钥。

示例：  streamer keys create
""",
    "keys create": """在 STREAMER_HOME 中创建控制密钥（如果还没有）。`streamer up` 也会这样做。

服务的每个进程都需要同一个密钥：复制该文件，或设置 STREAMER_CONTROL_KEY_FILE（见 docs/control-key.md）。

示例：  streamer keys create
""",
    "lanes": """显示每条通道：偏移量、积压、所在 worker、停下的原因；恢复停下的通道。

示例：  streamer lanes
""",
    "lanes skip": """把通道停在的那条记录转为死信，让通道继续。

不会丢失：死信保留该记录，之后可用 `streamer deadletters replay --reason poison` 重新发送。
正在处理该通道的 worker 会放下它再重新接管。

示例：  streamer lanes skip 3:1041
""",
    "lanes resume": """让停下的通道从原位置重试，不跳过任何记录。

示例：  streamer lanes resume 3
""",
    "publish": """用参数发布一个事件，或发布多行 JSON（publish events）。

示例：  streamer publish order --customer 17 --total 59.90
""",
    "publish order": """发布一个 order.completed 事件（下单）。

示例：  streamer publish order --customer 17 --total 59.90 --product A1,29.95,2
""",
    "publish refund": """发布一个 order.refunded 事件（退款）。

示例：  streamer publish refund --customer 17 --order-id 1001
""",
    "publish cancellation": """发布一个 order.cancelled 事件（取消订单）。

示例：  streamer publish cancellation --customer 17 --order-id 1001
""",
    "publish view": """发布一个 product.viewed 事件（浏览商品）。

示例：  streamer publish view --customer 17
""",
    "publish click": """发布一个 product.clicked 事件（点击商品）。

示例：  streamer publish click --customer 17
""",
    "publish cart-add": """发布一个 cart.added 事件（加入购物车）。

示例：  streamer publish cart-add --customer 17
""",
    "publish cart-remove": """发布一个 cart.removed 事件（移出购物车）。

示例：  streamer publish cart-remove --customer 17
""",
    "publish checkout": """发布一个 checkout.started 事件（开始结账）。

示例：  streamer publish checkout --customer 17
""",
    "publish page": """发布一个 page.viewed 事件（浏览页面）。

示例：  streamer publish page --customer 17
""",
    "publish email-open": """发布一个 email.opened 事件（打开邮件）。

示例：  streamer publish email-open --customer 17
""",
    "publish email-click": """发布一个 email.clicked 事件（点击邮件）。

示例：  streamer publish email-click --customer 17
""",
    "publish profile": """发布一个 profile.updated 事件（更新资料）；没有给出的属性不变。

示例：  streamer publish profile --customer 17 --email ann@example.org --language en
""",
    "publish consent": """发布一个 consent.updated 事件：客户从现在起同意的全部内容。

示例：  streamer publish consent --customer 17 --no-marketing
""",
    "publish subscription": """发布一个 subscription.updated 事件（订阅或退订列表）。

示例：  streamer publish subscription --customer 17 --list offers --unsubscribed
""",
    "publish outcome": """发布一个 message.outcome 事件：消息的结果，例如服务商报告的退信。

示例：  streamer publish outcome --customer 17 --message 25e510f3-... --outcome bounced
""",
    "publish events": """发布标准输入中的 JSON 行，每行一个任意类型的事件。遇到错误的行就停止发送。

示例：  streamer publish events < events.jsonl
""",
    "customer": """单个客户。

示例：  streamer customer show 17850
""",
    "customer show": """显示客户所在的分群、到下一条界限的距离、若无新事件的下一次变化，以及特征。

示例：  streamer customer show 17850
""",
    "customer list": """列出客户；会逐个查看所有客户，大店铺需要一些时间。

示例：  streamer customer list --query lovelace
""",
    "customer export": """把某位客户的全部数据导出为一个 JSON：状态、文档、所在分群、变化、面板行、记录。

包含已合并到该客户的其他 id。需要从头读取各主题，因此较慢。

示例：  streamer customer export 17850 > 17850.json
""",
    "customer erase": """删除一位客户及其合并的所有 id：退出所有分群，不保留任何数据。

输入、变化和死信中的记录在保留期满后删除。

示例：  streamer customer erase 17850
""",
    "segments": """分群。

示例：  streamer segments list
""",
    "segments list": """列出所有分群体系及其分群、含义和人数。

示例：  streamer segments list
""",
    "segments preview": """试算启用该文件后哪些客户会换分群、从哪个换到哪个；不做任何改动。

时间推移也会让客户换分群：到现在为止应发生的变化已计入。

示例：  streamer segments preview segments.toml
""",
    "segments activate": """启用分群文件：重新判定每位客户，变化以起因 definition_edit 发布。

这些变化都不会触发自动营销。--version 把旧版本作为新版本重新启用。

示例：  streamer segments activate segments.toml
""",
    "segments history": """列出所有版本、各自的改动，以及最新版本的进度。

示例：  streamer segments history
""",
    "segments file": """输出现行的分群文件，供复制修改。

示例：  streamer segments file > segments.toml
""",
    "segments suggest": """输出一份以本店客户分位数为界限的分群文件；不做任何改动。

示例：  streamer segments suggest > segments.toml
""",
    "segments members": """列出某个分群的客户：进入时间、最近订单，以及若无新事件会转到哪里。

这个文件夹有 web 进程在运行时向它查询，否则读 Redis；两者给出的名单相同。

示例：  streamer segments members at_risk --csv > at-risk.csv
""",
    "segments who": """列出当前满足某个条件的客户。仅查询，不启用任何分群。

示例：  streamer segments who 'orders >= 2 and recency_days >= 60' --csv
""",
    "segments show": """分群卡片：人数、收入占比，以及其客户与全店平均的差别。

聚类的特点取自其发布版本；其他分群取自当前客户。

示例：  streamer segments show champion
""",
    "segments rename": """给行为聚类改名。名称跟随 id，重新拟合和重启后仍保留。

客户不会换分群：模型管理进程以新名称重新发布现行版本。规则分群的名称写在 segments.toml 中。

示例：  streamer segments rename bargain_hunters "Coupon lovers"
""",
    "models": """行为聚类的版本，以及模型管理进程的提案。

示例：  streamer models list
""",
    "models list": """列出所有版本（最新的在最后）和所有提案的状态。

示例：  streamer models list
""",
    "models show": """显示一个版本或提案：其分群，以及上一版本各分群的去向。

提案还会显示哪些客户将换分群：在面板上用与实际相同的步骤试算。

示例：  streamer models show p3
""",
    "models approve": """批准提案：模型管理进程用当前面板重新构建，并发布为下一个版本。

由此产生的变化起因为 `refit`，不会触发自动营销。

示例：  streamer models approve p3
""",
    "models reject": """拒绝提案。90 天内不再提出同样的提案。

示例：  streamer models reject p3
""",
    **EVALUATE,
    "deadletters": """无法处理的记录及其原因。

示例：  streamer deadletters list --limit 20
""",
    "deadletters list": """列出最近的死信，最新的在最后。第一列可用于 `deadletters show`。

示例：  streamer deadletters list --reason invalid_field
""",
    "deadletters show": """显示一条死信：原因、消息头和收到的原始字节。

示例：  streamer deadletters show 3:41
""",
    "deadletters replay": """排除原因后，把同一原因的死信重新发送到输入主题。

期间已处理过的记录算作重复；仍有错误的会再次成为死信。

示例：  streamer deadletters replay --reason unknown_currency
""",
    "schemas": """供其他程序使用的契约。

示例：  streamer schemas export
""",
    "schemas export": """写出每种记录及其消息头的 JSON Schema（2020-12），以及 AsyncAPI 3.0 文档（asyncapi.json）。

示例：  streamer schemas export ./schemas
""",
}
"""每个命令的帮助，键为命令的完整路径。"""
