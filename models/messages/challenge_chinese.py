"""简体中文：`learn challenge` 和 `learn approve` 的文字。"""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    "challenge no sklearn": "没有安装 scikit-learn",
    "challenge no sklearn fix": "请运行：pip install 'segment-streamer[evaluate]'",
    "challenge no mlflow": "没有安装 MLflow",
    "challenge no mlflow fix": "请运行：pip install 'segment-streamer[mlflow]'",
    "challenge unknown": "没有名为 {names} 的挑战模型",
    "challenge unknown fix": "可选：{names}",
    "challenge too short": "只有 {days} 天的订单，不够先搜索参数、再用后续数据检验",
    "challenge too short fix": "大约需要 {days} 天；缩短 --horizon 可以减少所需天数",
    "challenge no proposal": "{file} 不是挑战模型的提案，或其特征与本程序不符",
    "challenge no proposal fix": "用 `streamer learn challenge --proposal FILE` 生成",
    "challenge title": "预测 {days} 天内是否下单：预测日 {day}，共 {customers} 位客户，实际 {share} 下单",
    "challenge ranks": "模型|AUC|Brier|对数损失|提升度|增益一|增益二",
    "challenge border": "概率不低于 {border} 即判为会下单；搜索和拟合的单位为 CPU 秒，单人打分为 CPU 微秒",
    "challenge costs": "模型|准确率|精确率|召回率|F1|搜索|拟合|us",
    "challenge search": "参数搜索没有使用 {day} 及之后的数据",
    "challenge looks": "检验日为 {first} 和 {last}；增益 = 现行模型的对数损失减去挑战模型的（千分之一），每次检验一个值；"
    "其他指标取自第二次检验，"
    "下方为 95 % 自助法置信区间",
    "challenge proposed": "提案：{name} 在两次检验中都显著优于现行模型，且支持在通道中计算；乘积特征：{features}",
    "challenge better, but not for lanes": "{name} 在两次检验中都显著优于现行模型，但不支持在通道中计算",
    "challenge none": "没有挑战模型在两次检验中都显著优于现行模型，因此没有提案",
    "challenge settings": "参数：{settings}",
    "challenge chose": "{name} 使用 {features}",
    "challenge important": "打乱单个特征后，{name} 的对数损失增加：{features}",
    "challenge hint": "如需启用，请加上 --proposal FILE 重新运行，再执行 `streamer learn approve FILE`",
    "challenge written": "已写入 {file}；执行 `streamer learn approve {file}` 启用",
    "challenge registered": "{name}：已登记到 MLflow，版本 {version}",
    "challenge sent": "已提交，等待模型管理进程处理；用 `streamer learn status` 查看",
    "challenge approved": "已发布为预测版本 {version}，次日零点起生效",
    "challenge expected": "预计",
    "challenge came": "实际下单",
    "challenge gain chart": "相对现行模型的对数损失增益（第二次检验）",
    "challenge model": "模型",
    "challenge calibration": "按概率分为十组，对比预计与实际下单比例",
    "challenge tenth": "组",
    "challenge as table": "以表格显示",
}
