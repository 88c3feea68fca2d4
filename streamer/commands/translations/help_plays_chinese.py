"""营销计划、券码和令牌命令的帮助，简体中文。"""

from __future__ import annotations

from typing import Final

PLAYS: Final = {
    "plays": """由分群变化触发的消息：检查、预览、启动和查看营销计划。

示例：  streamer plays preview win_back --file plays.toml
""",
    "plays check": """检查营销计划文件及其模板是否与现行分群一致；不启动任何计划。

示例：  streamer plays check plays.toml
""",
    "plays preview": """用最近几天的变化试算营销计划会做什么，逐关显示。不发送任何消息。

与实际发送使用同一套规划逻辑。客户资料按当前值计算，不保留旧资料。

示例：  streamer plays preview win_back --days 30 --who
""",
    "plays test": """显示某位客户会收到的消息，或发给您自己。不影响频次上限、对照组和计数。

示例：  streamer plays test win_back --customer 17850 --to me@shop.example
""",
    "plays start": """启动营销计划，或按当前文件恢复已暂停的计划。

计划只看启动之后的变化。等待中的消息沿用规划时的文件版本。

加 --approve 时，前几条消息通过所有关卡后等您确认：`streamer plays waiting --play PLAY` 列出，`--release` 发送，
`--drop` 丢弃。

示例：  streamer plays start win_back --approve 10
""",
    "plays first": """为已经在分群中的客户规划一个已启动的计划。计划本身只看之后的变化。

所有关卡仍然有效，包括频次上限和对照组。收到的客户视为已联系：之后的变化受 `again` 限制。

示例：  streamer plays first win_back --limit 50 --send
""",
    "plays pause": """暂停发送；计划仍在规划，消息照常过期。

示例：  streamer plays pause win_back
""",
    "plays stop": """结束计划：丢弃等待中的消息；再次启动时重新抽取对照组。

示例：  streamer plays stop win_back
""",
    "plays list": """列出所有启动过的计划及其消息的去向。

示例：  streamer plays list
""",
    "plays show": """显示一个计划的状态，以及消息止于哪一关。

示例：  streamer plays show win_back
""",
    "plays report": """计划是否有效：收到消息的客户比对照组多买了多少，附 95% 置信区间。

在计划写明的日期之前，区间按可每日查看计算，因此更宽。不给计划名时，比较 [limits] 中 `holdout` 排除在所有营销之外
的客户与其他客户，从首次轮到起 90 天。

示例：  streamer plays report win_back
""",
    "plays waiting": """等待中的消息：等发送时间、等免打扰时段结束、等预算，或等您确认（`start --approve`）。

只有等您确认的消息可以发送或丢弃。

示例：  streamer plays waiting --play win_back --release
""",
    "plays doubtful": """不确定是否已发出的消息。您放行之前不会重发。

示例：  streamer plays doubtful --play win_back --release
""",
    "plays failed": """确定没有发出、也不再重试的消息。

示例：  streamer plays failed --play win_back --release
""",
    "coupons": """营销计划发放的券码，每个只发一次。

示例：  streamer coupons status
""",
    "coupons load": """把券码载入一个池。已载入过的码不变，重复载入同一文件没有影响。

示例：  streamer coupons load back10 codes.txt
""",
    "coupons status": """每个池中可用、已发放、已使用的券码数。有池快用完时退出码为 1。

示例：  streamer coupons status back10
""",
    "tokens": """HTTP API（`streamer web`）的令牌。

示例：  streamer tokens create my-shop --may read
""",
    "tokens create": """创建令牌并显示一次：只保存其散列值。

示例：  streamer tokens create shop-page --may write --origin https://shop.example
""",
    "tokens list": """列出令牌：名称、权限、创建时间。不保存令牌本身。

示例：  streamer tokens list
""",
    "tokens revoke": """吊销令牌。运行中的 web 进程立即生效。

示例：  streamer tokens revoke shop-backend
""",
}
