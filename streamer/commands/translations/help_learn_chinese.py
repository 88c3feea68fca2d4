"""`streamer learn` 的帮助，简体中文。"""

from __future__ import annotations

from typing import Final

LEARN: Final = {
    "learn": """学到的预测模型，以及每周的预测效果。

示例：  streamer learn status
""",
    "learn status": """每条通道所用的预测版本，以及最近一周的预测效果。

示例：  streamer learn status
""",
    "learn history": """最近 52 周每周的预测效果（学习该周之前），最新的在最后。

示例：  streamer learn history --json
""",
    "learn show": """显示预测的一个版本：训练时间和权重。

示例：  streamer learn show 0
""",
    "learn challenge": """在所有模型都未见过的日子上，把现行预测与其他模型比较。

参数只在更早的日子上搜索，最近 90 天从不使用。挑战模型只有在相隔四周的两次检验中，对数损失都确定低于现行模型，
才会成为提案。需要扩展 `evaluate`（scikit-learn）。

示例：  streamer learn challenge --data online_retail.csv.gz --models logistic-l1,forest --html challenge.html
""",
    "learn approve": """让提案的挑战模型取代现行预测；模型管理进程由此继续学习。

示例：  streamer learn approve proposal.json
""",
}
