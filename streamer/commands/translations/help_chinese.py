"""命令的帮助，简体中文。"""

from __future__ import annotations

from typing import Final

from streamer.commands.translations.help_evaluate_chinese import EVALUATE
from streamer.commands.translations.help_learn_chinese import LEARN
from streamer.commands.translations.help_plays_chinese import PLAYS

COMMANDS: Final = {
    **LEARN,
    **PLAYS,
    "": """实时客户分群服务：从 Kafka 读取事件，特征存入 Redis，分群变动发布到 Kafka。

快速体验：  streamer demo

逐步运行：  streamer up，  streamer worker，  streamer publish order --customer 17 --total 59.90，  streamer watch

查看某个命令的帮助：  streamer help segments preview
""",
    "demo": """一条命令运行完整演示：Kafka、Valkey、worker、模型管理进程和模拟店铺。

先用半分钟重放店铺最近 180 天的历史，生成分群和行为聚类，之后转入实时活动。无需安装或配置。演示数据会保留，
下次演示或导入自己的文件时自动清除；如果其中有店铺自己的客户，则不清除。

启动后会显示控制台链接。可以在另一个终端运行：`streamer watch`，`streamer publish order --customer me --total 59.90`

示例：  streamer demo --seconds 60
""",
    "bench": """测量本机每秒能处理多少事件，内存能容纳多少客户。

在临时目录中启动独立的 Kafka 和 Valkey，写入模拟店铺的历史，由一个 worker 处理。不影响现有的服务、服务器设置和
数据；如果同时有其他负载，结果会偏低。

示例：  streamer bench
""",
    "up": """启动内置的 Kafka 和 Valkey，在后台运行，直到 `streamer down`。

数据保存在 STREAMER_HOME，重启后不丢失。如果已在运行，只显示地址。

加上 --all 会同时在后台启动服务，每个角色一个进程：worker、模型管理进程、发送消息的 `act`、提供控制台的
`web`（会显示链接）。进程退出后自动重启；日志统一写入 STREAMER_HOME/service.log。

示例：  streamer up && streamer worker
""",
    "down": """停止 `streamer up` 启动的 Kafka 和 Valkey，以及 `streamer up --all` 启动的服务。数据会保留。

示例：  streamer down
""",
    "status": """显示服务状态：服务器、主题、积压、客户数，以及记录是否全部对账。

如果没有服务器在运行，或有通道停止，退出码为 1。

示例：  streamer status --json
""",
    "worker": """运行 worker，直到 Ctrl-C 或 SIGTERM。缺少的主题会自动创建。

`--role lanes` 的 worker 数量不超过通道数，可以部署在多台机器；`--role owner` 运行一到两个，第二个待命。
指标在 http://127.0.0.1:9464/metrics。

示例：  streamer worker --role lanes
""",
    "import": """导入历史事件，并等待全部处理完成。

优先使用正在运行的 worker，没有则临时启动一个。导入产生的变动起因为 `backfill`，不会触发自动营销。中断后用同一命令
从断点继续；已完整导入的文件不能重复导入。

没有指定映射时，会给出建议的映射和合计金额，确认后再导入。`--check` 只检查不导入：通读文件，并独立核对合计；`--html`
把检查结果保存为网页。`--undo` 撤销该文件的订单（见 docs/wrong-file.md）。

示例：  streamer import orders_export.csv --mapping shopify
""",
    "replay": """不依赖 Kafka 和 Redis，直接重放事件文件，显示分群和变动。

判定逻辑与服务完全相同；聚类按数据中的日期逐步训练，同一文件每次结果相同。不保存任何状态。

示例：  streamer replay online_retail.csv.gz --format online-retail --until 2012-06-01
""",
    "report": """生成一段时间的报告：各分群的客户、变动及原因、收入分布。

网页自带图表，不加载外部资源，可以转发，也可以在手机上阅读。

示例：  streamer report --html report.html
""",
    "shop": """运行模拟店铺：客户类型已知，会浏览、购买、退货，也会沉默。

先导入历史，再转入实时活动。已导入过的店铺（同一天、同样的参数）直接转入实时活动。需要有 worker 在运行：
`streamer worker`。

示例：  streamer shop --customers 5000 --days 180 --rate 200 --late 0.01 --duplicates 0.01
""",
    "act": """发送已启动的营销计划的消息，直到 Ctrl-C 或 SIGTERM。

同一时间只有一个进程发送，第二个待命。营销计划用 `streamer plays start` 启动。

示例：  streamer act
""",
    "web": """提供控制台、HTTP API 和消息链接对应的网页，直到 Ctrl-C。

如果已在运行，--open 只生成新的登录链接。对外提供服务前请配置 TLS，见 docs/plays.md。

示例：  streamer web --open
""",
    "watch": """实时显示分群变动，直到 Ctrl-C。

加 --json 则每行输出一条变动，内容与主题中一致。

示例：  streamer watch --segmentation lifecycle --to at_risk
""",
    "parity": """重放每条通道的日志，与已发布的变动和计数比对。正常结果为 0 处差异。

有差异时退出码为 1。超过保留期而删除的事件无法重放；日志不完整的通道会跳过，并单独列出。

示例：  streamer parity
""",
    "doctor": """检查配置及其来源、连接、版本、时钟、主题、积压和死信，提示问题和处理办法。

有问题时退出码为 1；标为“提示”的项仅供参考。密钥不会显示。

示例：  streamer doctor
""",
    "help": """显示程序、命令组或命令的帮助。

示例：  streamer help segments preview
""",
    "version": """显示版本。

示例：  streamer version
""",
    "topics": """创建和检查主题。

示例：  streamer topics check
""",
    "topics create": """创建缺少的主题；已有的主题不变。

示例：  streamer topics create --lanes 8 --replication 3
""",
    "topics check": """检查主题，提示问题和处理办法。有问题时退出码为 1。

示例：  streamer topics check --fix
""",
    "keys": """控制记录的签名密钥。

示例：  streamer keys create
""",
    "keys create": """在 STREAMER_HOME 中创建控制密钥；已有则不变。`streamer up` 会自动创建。

所有进程必须使用同一个密钥：请复制该文件，或设置 STREAMER_CONTROL_KEY_FILE（见 docs/control-key.md）。

示例：  streamer keys create
""",
    "lanes": """显示每条通道的偏移量、积压、所属 worker 和停止原因；恢复停止的通道。

示例：  streamer lanes
""",
    "lanes skip": """把阻塞通道的记录转入死信，让通道继续处理。

记录不会丢失：它保留在死信中，之后可用 `streamer deadletters replay --reason poison` 重新处理。
该通道会短暂释放，再由 worker 重新接管。

示例：  streamer lanes skip 3:1041
""",
    "lanes resume": """让停止的通道从原位置重试，不跳过任何记录。

示例：  streamer lanes resume 3
""",
    "publish": """用参数发布一个事件，或从标准输入批量发布 JSON（publish events）。

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
    "publish profile": """发布一个 profile.updated 事件（更新资料）；没有指定的属性不变。

示例：  streamer publish profile --customer 17 --email ann@example.org --language en
""",
    "publish consent": """发布一个 consent.updated 事件（更新授权）：以本次内容为准，覆盖之前的授权。

示例：  streamer publish consent --customer 17 --no-marketing
""",
    "publish subscription": """发布一个 subscription.updated 事件（订阅或退订）。

示例：  streamer publish subscription --customer 17 --list offers --unsubscribed
""",
    "publish outcome": """发布一个 message.outcome 事件（消息结果），例如服务商上报的退信。

示例：  streamer publish outcome --customer 17 --message 25e510f3-... --outcome bounced
""",
    "publish events": """从标准输入读取 JSON 并发布，每行一个事件，类型不限。遇到错误行即停止。

示例：  streamer publish events < events.jsonl
""",
    "customer": """查看、导出和删除单个客户。

示例：  streamer customer show 17850
""",
    "customer show": """显示客户所在的分群、与相邻阈值的差距、若无新事件的下一次变动，以及特征。

示例：  streamer customer show 17850
""",
    "customer list": """列出客户。需要遍历所有客户，客户多时较慢。

示例：  streamer customer list --query lovelace
""",
    "customer export": """把客户的全部数据导出为一个 JSON：状态、文档、所在分群、变动、样本行、记录。

包括已合并到该客户的其他 ID。需要从头读取各主题，速度较慢。

示例：  streamer customer export 17850 > 17850.json
""",
    "customer erase": """删除客户及其合并的所有 ID：退出所有分群，不保留任何数据。

输入、变动和死信主题中的记录在保留期满后删除。

示例：  streamer customer erase 17850
""",
    "segments": """查看、编辑和启用分群。

示例：  streamer segments list
""",
    "segments list": """列出所有分群体系及其分群、含义和人数。

示例：  streamer segments list
""",
    "segments preview": """试算启用该文件后，哪些客户会换分群、换到哪里；不修改任何数据。

因时间推移应发生的变动，已计算到当前时间。

示例：  streamer segments preview segments.toml
""",
    "segments activate": """启用分群文件，重新判定所有客户，变动起因为 definition_edit。

这些变动不会触发自动营销。用 --version 可重新启用旧版本。

示例：  streamer segments activate segments.toml
""",
    "segments history": """列出所有版本及改动，以及最新版本的生效进度。

示例：  streamer segments history
""",
    "segments file": """输出现行的分群文件，可在此基础上修改。

示例：  streamer segments file > segments.toml
""",
    "segments suggest": """以店铺客户的分位数为阈值，输出一份分群文件；不修改任何数据。

示例：  streamer segments suggest > segments.toml
""",
    "segments members": """列出分群的客户：进入时间、最近订单，以及若无新事件会转入哪个分群。

如果当前 STREAMER_HOME 有 web 进程在运行，就向它查询，否则读取 Redis；两者结果相同。

示例：  streamer segments members at_risk --csv > at-risk.csv
""",
    "segments who": """列出当前满足条件的客户。只查询，不启用任何分群。

示例：  streamer segments who 'orders >= 2 and recency_days >= 60' --csv
""",
    "segments show": """显示分群画像：人数、收入占比，以及与全店平均的差异。

聚类的画像取自发布版本；其他分群的画像取自当前客户。

示例：  streamer segments show champion
""",
    "segments rename": """为行为聚类改名。名称与 ID 绑定，更新模型或重启后不变。

改名不会让客户换分群：模型管理进程会用新名称重新发布现行版本。规则分群的名称在 segments.toml 中修改。

示例：  streamer segments rename bargain_hunters "Coupon lovers"
""",
    "models": """行为聚类的版本，以及模型管理进程的提案。

示例：  streamer models list
""",
    "models list": """列出所有版本（最新的排在最后）和提案状态。

示例：  streamer models list
""",
    "models show": """显示版本或提案的分群，以及上一版本各分群的去向。

对于提案，还会用样本客户试算哪些客户将换分群，步骤与实际生效时相同。

示例：  streamer models show p3
""",
    "models approve": """批准提案：模型管理进程用当前样本重新训练，并发布为下一个版本。

由此产生的变动起因为 `refit`，不会触发自动营销。

示例：  streamer models approve p3
""",
    "models reject": """拒绝提案。90 天内不再提出同样的提案。

示例：  streamer models reject p3
""",
    **EVALUATE,
    "deadletters": """查看和重新处理死信，即无法处理的记录。

示例：  streamer deadletters list --limit 20
""",
    "deadletters list": """列出最近的死信，最新的排在最后。第一列是位置，供 `deadletters show` 使用。

示例：  streamer deadletters list --reason invalid_field
""",
    "deadletters show": """显示一条死信的原因、消息头和原始字节。

示例：  streamer deadletters show 3:41
""",
    "deadletters replay": """解决问题后，把同一原因的死信重新发送到输入主题。

期间已处理过的记录按重复处理；仍有错误的会再次进入死信。

示例：  streamer deadletters replay --reason unknown_currency
""",
    "schemas": """导出消息格式，供其他程序使用。

示例：  streamer schemas export
""",
    "schemas export": """导出每种记录及其消息头的 JSON Schema（2020-12），以及 AsyncAPI 3.0 文档（asyncapi.json）。

示例：  streamer schemas export ./schemas
""",
}
"""每个命令的帮助，键为命令的完整路径。"""
