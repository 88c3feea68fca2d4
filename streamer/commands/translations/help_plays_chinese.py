"""营销计划、券码和令牌命令的帮助，简体中文。"""

from __future__ import annotations

from typing import Final

PLAYS: Final = {
    "plays": """检查、预览、启动和查看营销计划，即由分群变动触发的消息。

示例：  streamer plays preview win_back --file plays.toml
""",
    "plays check": """检查营销计划文件及模板，并确认与现行分群一致；不启动任何计划。

示例：  streamer plays check plays.toml
""",
    "plays preview": """用最近几天的变动试算营销计划，逐项显示检查结果。不发送任何消息。

逻辑与实际发送相同。客户资料按当前值计算，因为历史资料不保留。

示例：  streamer plays preview win_back --days 30 --who
""",
    "plays test": """显示某位客户会收到的消息，或发送到测试地址。不影响频次上限、对照组和计数。

示例：  streamer plays test win_back --customer 17850 --to me@shop.example
""",
    "plays start": """启动营销计划，或用当前文件恢复已暂停的计划。

计划只响应启动之后的变动。等待中的消息沿用生成时的文件版本。

加上 --approve，前几条消息通过所有检查后需要人工确认：`streamer plays waiting --play PLAY` 列出，`--release` 发送，
`--drop` 丢弃。

示例：  streamer plays start win_back --approve 10
""",
    "plays first": """为已在分群中的客户补发消息。计划必须已启动，它本身只响应启动之后的变动。

所有检查仍然有效，包括频次上限和对照组。收到消息的客户视为已联系，之后的变动受 `again` 限制。

示例：  streamer plays first win_back --limit 50 --send
""",
    "plays pause": """暂停发送；计划仍会生成消息，消息照常过期。

示例：  streamer plays pause win_back
""",
    "plays stop": """结束计划，丢弃等待中的消息；再次启动时重新抽取对照组。

示例：  streamer plays stop win_back
""",
    "plays list": """列出所有启动过的计划及其消息的去向。

示例：  streamer plays list
""",
    "plays show": """显示计划的状态，以及消息被哪项检查拦截。

示例：  streamer plays show win_back
""",
    "plays report": """评估计划是否有效：发送组比对照组多买了多少，附 95% 置信区间。

在计划指定的日期之前，区间可以每天查看，因此更宽。不指定计划时，比较全局对照组（[limits] 中的 `holdout`）
与其他客户，从首次触发计划起统计 90 天。

示例：  streamer plays report win_back
""",
    "plays waiting": """列出等待中的消息：等待发送时间、免打扰时段结束、每日限额或人工确认（`start --approve`）。

只有等待人工确认的消息可以发送或丢弃。

示例：  streamer plays waiting --play win_back --release
""",
    "plays doubtful": """列出发送结果未知的消息。未经确认不会重发。

示例：  streamer plays doubtful --play win_back --release
""",
    "plays failed": """列出确定没有发出、也不再重试的消息。

示例：  streamer plays failed --play win_back --release
""",
    "coupons": """管理营销计划发放的券码，每个只发放一次。

示例：  streamer coupons status
""",
    "coupons load": """把券码载入券池。已载入的券码不变，可以重复载入同一文件。

示例：  streamer coupons load back10 codes.txt
""",
    "coupons status": """显示每个券池可用、已发放和已使用的券码数。有券池即将用完时，退出码为 1。

示例：  streamer coupons status back10
""",
    "tokens": """管理 HTTP API（`streamer web`）的令牌。

示例：  streamer tokens create my-shop --may read
""",
    "tokens create": """创建令牌。令牌只显示一次，服务只保存哈希值。

示例：  streamer tokens create shop-page --may write --origin https://shop.example
""",
    "tokens list": """列出令牌的名称、权限和创建时间。令牌本身不保存。

示例：  streamer tokens list
""",
    "tokens revoke": """吊销令牌，对运行中的 web 进程立即生效。

示例：  streamer tokens revoke shop-backend
""",
}
